package ui_test

import (
	"net/http"
	"strings"
	"testing"
)

func (c *city) boardPages() map[string]string {
	return map[string]string{"board-city": "/", "board-ward": "/boards/ward?area=19774&period=week", "board-environment": "/boards/environment", "board-list": "/boards", "board-edit": "/boards/environment/edit", "board-history": "/boards/environment/history", "wall": "/wall/city", "wall-far": "/wall/city?distance=5"}
}

func TestBoardsAnswer(t *testing.T) {
	c := newBoardCity(t)
	for key, path := range c.boardPages() {
		for _, lang := range []string{"vi", "en"} {
			status, body := c.get(t, path, c.token, "Accept-Language", lang)
			if status != http.StatusOK {
				t.Errorf("%s in %s: %d", key, lang, status)
			}
			for _, bad := range []string{" style=", "NaN", "%!", "tile.", "boards."} {
				if i := strings.Index(body, bad); i >= 0 {
					t.Errorf("%s in %s holds %q: %s", key, lang, bad, body[max(0, i-80):min(len(body), i+60)])
				}
			}
		}
	}
}
