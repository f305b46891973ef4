// One stream per browser. Browsers allow six connections to an origin over
// HTTP/1.1 and a stream holds one, so the tab that gets the lock listens and
// tells the others over a channel. When it closes, the next tab gets the lock.
import { age, cityNow, setCityNow } from "./clock";

interface Moved {
  n: string;  // dataset
  t: number;  // records in all
  l: number;  // time of the latest record, ms
  m: number;  // records per minute
  h: number;  // records per hour
}
interface Message {
  seq: number;
  at: number;        // ms
  quarantine?: number;
  alerts?: number;   // not acknowledged
  notices?: number;  // not seen
  datasets?: Moved[];
}
type Note = { kind: "beat"; data: { at: number } } | { kind: "head"; data: Message };

const silence = 4000; // ms without a sign of life, two beats, before the page says so: within 5 s in all
const htmx = (): any => (window as any).htmx;

export function startLive(): void {
  const root = document.documentElement;
  const url = root.dataset.stream;
  if (!url || typeof EventSource === "undefined") return;
  const lang = root.lang;
  const number = new Intl.NumberFormat(lang === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: 1 });
  const words = JSON.parse(document.getElementById("live-words")?.textContent || "{}");
  let seen = Date.now();
  let connected = false;

  const hear = (note: Note) => {
    seen = Date.now();
    connected = true;
    setCityNow(note.data.at);
    if (root.dataset.live !== "on") root.dataset.live = "on";
    if (note.kind === "head") show(note.data);
  };

  const set = (el: Element, text: string) => {
    if (el.textContent === text) return;
    el.textContent = text;
    el.classList.remove("fresh");
    void (el as HTMLElement).offsetWidth; // restarts the fade
    el.classList.add("fresh");
  };

  const show = (m: Message) => {
    for (const el of document.querySelectorAll('[data-live-value="head"]')) set(el, number.format(m.seq));
    for (const name of ["quarantine", "alerts", "notices"] as const) {
      const n = m[name];
      if (n === undefined) continue;
      for (const el of document.querySelectorAll<HTMLElement>(`[data-live-value="${name}"]`)) {
        set(el, number.format(n));
        if (el.classList.contains("count")) el.hidden = n === 0;
      }
    }
    for (const d of m.datasets ?? []) {
      for (const box of document.querySelectorAll(`[data-dataset="${CSS.escape(d.n)}"]`)) {
        for (const el of box.querySelectorAll<HTMLElement>("[data-live-value]")) {
          switch (el.dataset.liveValue) {
            case "total": set(el, number.format(d.t)); break;
            case "minute": set(el, number.format(d.m)); break;
            case "hour": set(el, number.format(d.h)); break;
            case "age": el.dataset.at = String(d.l); el.textContent = age(cityNow() - d.l, words); break;
          }
        }
      }
    }
    const names = new Set((m.datasets ?? []).map((d) => d.n));
    // Parts of a page that keep a state of their own, a map, hear what moved.
    if (names.size) document.dispatchEvent(new CustomEvent("huong:moved", { detail: [...names] }));
    for (const el of document.querySelectorAll<HTMLElement>("[data-live-fragment]")) {
      const of = el.dataset.liveFragment!;
      if (of === "*" || of.split(" ").some((n) => names.has(n))) later(el, names.has("definition") ? 500 : 2000);
    }
  };

  // A part is asked for again at once, then at most every two seconds, or twice a
  // second after what somebody has declared, which is rare; and not while the
  // reader is inside it or the tab is hidden.
  const waiting = new Set<string>();
  const asked = new Map<string, number>();
  const later = (el: HTMLElement, least = 2000) => {
    const id = el.id;
    if (waiting.has(id)) return;
    waiting.add(id);
    const wait = Math.max(50 + Math.random() * 100, least - (Date.now() - (asked.get(id) ?? 0)));
    setTimeout(() => {
      waiting.delete(id);
      const now = document.getElementById(id);
      if (!now) return;
      if (document.hidden || now.matches(":focus-within") || now.querySelector("details.drop[open]") || document.querySelector("dialog[open]")) {
        missed.add(id);
        return;
      }
      missed.delete(id);
      asked.set(id, Date.now());
      const page = new URL(location.href);
      page.searchParams.set("fragment", id);
      // Each part asks by itself: what is asked in the name of one element waits in one
      // queue, and of several that move at once some would be dropped.
      htmx()?.ajax("GET", page.pathname + page.search, { source: now, target: "#" + id, swap: "outerHTML" });
    }, wait);
  };
  // What was left out is made up for when the reader comes back or goes on.
  const missed = new Set<string>();
  const makeUp = () => {
    for (const id of [...missed]) {
      const el = document.getElementById(id);
      if (el) later(el); else missed.delete(id);
    }
  };
  document.addEventListener("visibilitychange", makeUp);
  document.addEventListener("focusout", () => setTimeout(makeUp, 50));

  const channel = new BroadcastChannel(url);
  channel.onmessage = (e) => hear(e.data as Note);

  // Listening ends when the page is left: a page that the browser keeps for the way
  // back must not keep the lock, nor get it, or the tabs that are left hear nothing.
  let leave = new AbortController();
  const lead = () => new Promise<void>((over) => {
    let source: EventSource;
    let retry = 1000;
    const { signal } = leave;
    const tell = (note: Note) => { hear(note); channel.postMessage(note); };
    const open = () => {
      if (signal.aborted) return;
      // Who has heard something before, from this stream or another tab's, is told
      // all that there is: what moved meanwhile was not heard. The browser's own
      // attempts say so by the last id.
      source = new EventSource(connected ? url + "?again=1" : url);
      source.addEventListener("beat", (e) => { retry = 1000; tell({ kind: "beat", data: JSON.parse((e as MessageEvent).data) }); });
      source.addEventListener("head", (e) => { retry = 1000; tell({ kind: "head", data: JSON.parse((e as MessageEvent).data) }); });
      source.onerror = () => {
        // The browser itself tries again, but not after an error answer.
        if (source.readyState !== EventSource.CLOSED) return;
        setTimeout(open, retry + Math.random() * 500);
        retry = Math.min(retry * 2, 15000);
      };
    };
    open();
    signal.addEventListener("abort", () => { source.close(); over(); });
  });
  const listen = () => {
    if (!navigator.locks) void lead(); // plain HTTP on another host: no locks there, one stream per tab
    else navigator.locks.request("huong:" + url, { signal: leave.signal }, lead).catch(() => {}); // left while it waited
  };
  listen();
  addEventListener("pagehide", () => leave.abort());
  addEventListener("pageshow", (e) => {
    if (!e.persisted) return;
    leave = new AbortController();
    listen();
  });

  setInterval(() => {
    const now = Date.now();
    if (now - seen > silence && (connected || now - seen > silence * 2)) root.dataset.live = "lost";
    for (const el of document.querySelectorAll<HTMLElement>("[data-at]")) {
      const text = age(cityNow() - Number(el.dataset.at), words);
      if (el.textContent !== text) el.textContent = text;
    }
  }, 500);
}
