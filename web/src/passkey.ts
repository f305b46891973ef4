// Passkeys: the one part of signing in that needs script. The buttons are hidden
// until it is known that the browser can and that this is the address which
// passkeys are bound to.
type Begun = { state: string; options: unknown };

async function ask<T>(path: string, body: unknown): Promise<T> {
  const res = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });
  const answer = await res.json().catch(() => ({}));
  if (!res.ok) throw new Error(answer.detail ?? String(res.status));
  return answer as T;
}

async function enter(button: HTMLElement): Promise<void> {
  const begun = await ask<Begun>("/enter/passkey", {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(begun.options as PublicKeyCredentialRequestOptionsJSON);
  const made = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const done = await ask<{ to: string }>("/enter/passkey/finish", { state: begun.state, return: button.dataset.return, response: made.toJSON() });
  location.assign(done.to);
}

async function add(): Promise<void> {
  const begun = await ask<Begun>("/profile/passkeys", {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options as PublicKeyCredentialCreationOptionsJSON);
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const name = document.querySelector<HTMLInputElement>("#passkey-name")?.value ?? "";
  const done = await ask<{ to: string }>("/profile/passkeys/finish", { state: begun.state, name, response: made.toJSON() });
  location.assign(done.to);
}

for (const part of document.querySelectorAll<HTMLElement>("[data-passkey]")) {
  const able = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential && location.origin === part.dataset.origin;
  const button = part.querySelector("button");
  const fault = part.querySelector<HTMLElement>("[data-fault]");
  if (!able || !button || !fault) continue;
  part.hidden = false;
  button.addEventListener("click", async () => {
    fault.textContent = "";
    button.disabled = true;
    try {
      await (part.dataset.passkey === "enter" ? enter(button) : add());
    } catch (e) {
      // What the browser itself says (cancelled, timed out) is in its own language.
      fault.textContent = e instanceof DOMException ? part.dataset.failed! : (e as Error).message;
      button.disabled = false;
      button.focus();
    }
  });
}
