package ui

import (
	"encoding/json"
	"net/http"
	"time"

	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/account"
)

// passkeyRoutes answer the script of passkeys, in JSON.
func (u *UI) passkeyRoutes() []web.Route {
	post := func(pattern string, h func(*view, passkeyAnswer) (any, error)) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.island(h), MaxBody: 64 << 10}
	}
	return []web.Route{
		post("/enter/passkey", u.beginPasskeySignIn),
		post("/enter/passkey/finish", u.finishPasskeySignIn),
		post("/profile/passkeys", u.beginPasskey),
		post("/profile/passkeys/finish", u.finishPasskey),
	}
}

// passkeyAnswer is what the script sends.
type passkeyAnswer struct {
	State    string          `json:"state"`
	Name     string          `json:"name"`
	Return   string          `json:"return"`
	Response json.RawMessage `json:"response"`
}

// island wraps a handler that a script asks: errors are answered as problems.
func (u *UI) island(h func(*view, passkeyAnswer) (any, error)) web.Handler {
	return func(w http.ResponseWriter, r *web.Request) error {
		v := &view{u: u, w: w, r: r, p: r.Principal, lang: r.Lang, now: u.Now(), zone: u.Repo.Zone()}
		if err := v.signedIn(); err != nil {
			return err
		}
		var in passkeyAnswer
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return web400(err)
		}
		out, err := h(v, in)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		return json.NewEncoder(w).Encode(out)
	}
}

// begun keeps a ceremony's secret in the browser and hands its options out.
func (v *view) begun(c account.Ceremony, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	v.u.Sessions.SetFlow(v.w, v.r, c.Browser)
	return map[string]any{"state": c.State, "options": json.RawMessage(c.Options)}, nil
}

func (u *UI) beginPasskeySignIn(v *view, _ passkeyAnswer) (any, error) {
	return v.begun(u.Accounts.BeginPasskeySignIn(v.r.Context()))
}

func (u *UI) beginPasskey(v *view, _ passkeyAnswer) (any, error) {
	return v.begun(u.Accounts.BeginPasskey(v.r.Context(), v.r.Session))
}

func (u *UI) finishPasskeySignIn(v *view, in passkeyAnswer) (any, error) {
	got, err := u.Accounts.FinishPasskeySignIn(v.r.Context(), v.device(), in.State, u.Sessions.Flow(v.r), in.Response)
	if err != nil {
		return nil, err
	}
	back := local(or(in.Return, "/"))
	u.Sessions.SetSession(v.w, v.r, got.Session, time.Time{})
	u.Sessions.SetFlow(v.w, v.r, "")
	if got.Choose {
		back = to("/profile", "return", back)
	}
	return map[string]string{"to": back}, nil
}

func (u *UI) finishPasskey(v *view, in passkeyAnswer) (any, error) {
	err := u.Accounts.FinishPasskey(v.r.Context(), v.r.Session, in.State, u.Sessions.Flow(v.r), in.Name, in.Response)
	u.Sessions.SetFlow(v.w, v.r, "")
	return map[string]string{"to": "/profile?done=passkey#passkeys"}, err
}

func (u *UI) removePasskey(v *view) error {
	return v.mine("passkeys", "/profile?done=ended", func() error {
		return u.Accounts.RemovePasskey(v.r.Context(), v.r.Session, v.field("passkey"))
	})
}

// passkeyScript adds the script of passkeys to a page that offers them.
func (v *view) passkeyScript() {
	if v.u.Accounts != nil && v.u.Accounts.PasskeyOrigin() != "" && v.u.assets.url("passkey.js") != "" {
		v.script = append(v.script, "passkey.js")
	}
}
