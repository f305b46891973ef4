// Alerts: deadlines count down, "a" acknowledges the row that has the focus, and
// a browser can subscribe to push messages.
import { cityNow } from "./clock";

function span(ms: number, lang: string): string {
  const m = Math.floor(ms / 60000), h = Math.floor(m / 60), d = Math.floor(h / 24);
  const vi = lang === "vi";
  if (m < 1) return Math.max(0, Math.floor(ms / 1000)) + (vi ? " giây" : " s");
  if (h < 1) return m + (vi ? " phút" : " min");
  if (d < 2) return h + (vi ? " giờ " : " h ") + (m % 60) + (vi ? " phút" : " min");
  return d + (vi ? " ngày" : " days");
}

function countdowns(): void {
  const lang = document.documentElement.lang;
  for (const el of document.querySelectorAll<HTMLElement>("[data-due]")) {
    const left = Number(el.dataset.due) - cityNow();
    const text = (left > 0 ? el.dataset.left! : el.dataset.over!).replace("{span}", span(Math.abs(left), lang));
    el.classList.toggle("over", left <= 0);
    if (el.textContent !== text) el.textContent = text;
  }
}

function keyBytes(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

// push shows the form only where the browser can do it; its button asks the
// browser and then sends what it answered.
function push(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-push]");
  const key = document.querySelector<HTMLElement>("[data-push-key]")?.dataset.pushKey;
  if (!form || !key || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  form.hidden = false;
  let ready = false;
  form.addEventListener("submit", async (e) => {
    if (ready) return;
    e.preventDefault();
    try {
      const worker = await navigator.serviceWorker.register("/sw.js");
      await navigator.serviceWorker.ready;
      const got = (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(key) })).toJSON();
      const put = (name: string, text?: string) => { (form.elements.namedItem(name) as HTMLInputElement).value = text ?? ""; };
      put("address", got.endpoint);
      put("p256dh", got.keys?.p256dh);
      put("auth", got.keys?.auth);
      ready = true;
      form.requestSubmit();
    } catch {
      form.querySelector<HTMLElement>("[data-push-denied]")!.hidden = false;
    }
  });
}

export function startAlerts(): void {
  setInterval(countdowns, 1000);
  push();
  document.addEventListener("keydown", (e) => {
    if (e.key !== "a" || e.ctrlKey || e.metaKey || e.altKey) return;
    const at = document.activeElement;
    if (at?.closest("input, textarea, select, [contenteditable]")) return;
    const button = at?.closest("[data-href]")?.querySelector<HTMLElement>("[data-acknowledge]");
    if (button) { e.preventDefault(); button.click(); }
  });
}
