// The city's clock, whatever the zone of the device.
const zone = "Asia/Ho_Chi_Minh";

// The city's time is told by the server, in the page and again by the stream:
// a device's clock may be wrong, and a demonstration lives in another year.
let ahead = Number(document.documentElement.dataset.now || Date.now()) - Date.now();

export function cityNow(): number { return Date.now() + ahead; }
export function setCityNow(ms: number): void { ahead = ms - Date.now(); }

export function startClock(): void {
  const el = document.querySelector<HTMLElement>("[data-clock]");
  if (!el) return;
  const f = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const tick = () => { el.textContent = f.format(new Date(cityNow())); };
  tick();
  setInterval(tick, 1000);
}

// age writes how long ago a time was, in the page's language.
export function age(ms: number, words: Record<string, string>): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 5) return words.now;
  if (s < 60) return words.s.replace("{n}", String(s));
  if (s < 3600) return words.m.replace("{n}", String(Math.floor(s / 60)));
  if (s < 172800) return words.h.replace("{n}", String(Math.floor(s / 3600)));
  if (s < 400 * 86400) return words.d.replace("{n}", String(Math.floor(s / 86400)));
  return words.y.replace("{n}", String(Math.floor(s / (365 * 86400))));
}
