package repo

import (
	"context"
	"crypto/hmac"
	"errors"

	"huong.city/huong/internal/store"
)

// rememberSecret keeps the mark of the installation's secret at the first start
// and compares it at every later one. Another secret does not stop the city, but
// must be said: access records of before are then not found by person, and
// pseudonyms change.
func (r *Repository) rememberSecret(ctx context.Context) error {
	own := r.Private("installation")
	kept, err := own.Get(ctx, "secret")
	if err == nil && kept == nil {
		err = own.Swap(ctx, "secret", nil, r.keys.mark)
		if err == nil {
			return nil
		}
		if errors.Is(err, store.ErrStateMoved) { // another process was faster
			kept, err = own.Get(ctx, "secret")
		}
	}
	if err != nil {
		return err
	}
	if !hmac.Equal(kept, r.keys.mark) {
		r.otherSecret = true
		r.log.Warn("the secret is not the one that this city began with: access records of before cannot be found by person; bring the first secret back")
	}
	return nil
}

// OtherSecret tells that Config.Secret is not the one that the city began with.
func (r *Repository) OtherSecret() bool { return r.otherSecret }
