package api

import (
	"encoding/json"
	"net/http"
	"net/url"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/account"
)

// TokenRoute gives machines bearer tokens for their client credentials (RFC 6749
// section 4.4), sent by HTTP Basic or in the form. Its answers and errors are
// those of section 5; a scope is the number of one of the client's capacities.
func TokenRoute(a *account.Accounts) web.Route {
	return web.Route{Method: http.MethodPost, Pattern: "/oauth/token", MaxBody: 16 << 10, OwnCredentials: true, Handler: func(w http.ResponseWriter, r *web.Request) error {
		status, answer, err := giveToken(a, r)
		if err != nil {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
		if status == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", `Basic realm="huong"`)
		}
		w.WriteHeader(status)
		return json.NewEncoder(w).Encode(answer)
	}}
}

// tokenOperation describes TokenRoute; who mounts it says so by Config.TokenRoute.
// It is answered outside the interface, for its forms are those of OAuth.
func (a *API) tokenOperation() operation {
	return operation{
		method: "POST", path: "/oauth/token", id: "giveToken", tag: "system",
		summary: words{"Cấp mã cho máy (OAuth 2.0)", "A bearer token for a machine (OAuth 2.0)"},
		detail: words{
			"Cấp mã theo client_credentials (RFC 6749 mục 4.4). Tên và khoá bí mật của máy gửi bằng HTTP Basic hoặc trong biểu mẫu, không gửi cả hai và không gửi trong địa chỉ. Mã có hiệu lực 15 phút; scope là số của một tư cách, để trống khi máy chỉ có một.",
			"Grant type client_credentials (RFC 6749 section 4.4). The machine's name and secret are sent by HTTP Basic or in the form, not both and never in the address. A token holds for 15 minutes; scope is the number of a capacity and may be left out where the machine has one."},
		bodies: []string{mediaForm}, body: "TokenRequest",
		answers: []answer{
			{200, []string{mediaJSON}, "Token", words{"Mã đã cấp", "The token"}},
			{400, []string{mediaJSON}, "TokenError", words{"Yêu cầu sai, theo RFC 6749 mục 5.2", "A wrong request, RFC 6749 section 5.2"}},
			{401, []string{mediaJSON}, "TokenError", words{"Tên hoặc khoá bí mật sai", "Wrong name or secret"}},
		},
	}
}

const mediaForm = "application/x-www-form-urlencoded"

func tokenSchemas(obj func([]string, object) object) object {
	str := object{"type": "string"}
	return object{
		"TokenRequest": obj([]string{"grant_type"}, object{"grant_type": object{"type": "string", "const": "client_credentials"},
			"client_id": str, "client_secret": object{"type": "string", "format": "password"}, "scope": str}),
		"Token":      obj([]string{"access_token", "token_type", "expires_in"}, object{"access_token": str, "token_type": object{"type": "string", "const": "Bearer"}, "expires_in": object{"type": "integer"}}),
		"TokenError": obj([]string{"error"}, object{"error": object{"type": "string", "enum": []any{"invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"}}, "error_description": str}),
	}
}

// tokenAnswer is the body of section 5.1 or 5.2.
type tokenAnswer struct {
	AccessToken string `json:"access_token,omitempty"`
	TokenType   string `json:"token_type,omitempty"`
	ExpiresIn   int    `json:"expires_in,omitempty"` // seconds
	Error       string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
}

func giveToken(a *account.Accounts, r *web.Request) (status int, answer tokenAnswer, err error) {
	refused := func(status int, code, text string) (int, tokenAnswer, error) {
		return status, tokenAnswer{Error: code, Description: text}, nil
	}
	if err := r.ParseForm(); err != nil {
		return refused(http.StatusBadRequest, "invalid_request", "the form cannot be read")
	}
	form := r.PostForm
	if len(r.URL.RawQuery) > 0 { // secrets do not belong into addresses
		return refused(http.StatusBadRequest, "invalid_request", "parameters belong into the body")
	}
	for name, list := range form {
		if len(list) > 1 {
			return refused(http.StatusBadRequest, "invalid_request", "a parameter is given twice: "+shortName(name))
		}
	}
	if grant := form.Get("grant_type"); grant == "" {
		return refused(http.StatusBadRequest, "invalid_request", "grant_type is missing")
	} else if grant != "client_credentials" {
		return refused(http.StatusBadRequest, "unsupported_grant_type", "client_credentials alone is supported")
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		if secret != "" {
			return refused(http.StatusBadRequest, "invalid_request", "the client's secret is given in two ways")
		}
		// Both are form-encoded before they are joined (section 2.3.1).
		var e1, e2 error
		id, e1 = url.QueryUnescape(user)
		secret, e2 = url.QueryUnescape(password)
		if e1 != nil || e2 != nil {
			return refused(http.StatusBadRequest, "invalid_request", "the credentials are malformed")
		}
	}
	token, err := a.ClientToken(r.Context(), r.Address(), id, secret, form.Get("scope"))
	switch problem.KindOf(err) {
	case problem.Unauthenticated:
		return refused(http.StatusUnauthorized, "invalid_client", problem.As(err).In("en"))
	case problem.Invalid:
		return refused(http.StatusBadRequest, "invalid_scope", problem.As(err).In("en"))
	}
	if err != nil {
		return 0, answer, err
	}
	return http.StatusOK, tokenAnswer{AccessToken: token, TokenType: "Bearer", ExpiresIn: int(account.BearerHolds.Seconds())}, nil
}

// shortName is a parameter's name, not longer than it may be shown.
func shortName(s string) string {
	if len(s) > 40 {
		return s[:40]
	}
	return s
}
