// The form that sends a report: categories are found by typing, photos are made
// smaller and shown, place and likely duplicates are looked up, and what is written
// stays on this device until the city has it. Each report has a key that is drawn
// here, so that however often it is sent there is one. Without this script the form
// is a plain form.
interface Shot { id: string; blob: Blob; name: string; upload?: string; offset?: number }
interface Fault { detail: string; violations?: { field?: string; message: string }[] }
interface Draft { key: string; fields: [string, string][]; shots: Shot[]; at: number; title: string; fault?: Fault; to?: string }

// -- what the device keeps
const open = new Promise<IDBDatabase>((ok, no) => {
  const r = indexedDB.open("huong-reports", 1);
  r.onupgradeneeded = () => { r.result.createObjectStore("draft"); r.result.createObjectStore("queue", { keyPath: "key" }); };
  r.onsuccess = () => ok(r.result);
  r.onerror = () => no(r.error);
});
async function store<T>(name: string, mode: IDBTransactionMode, ask: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const t = (await open).transaction(name, mode);
  const q = ask(t.objectStore(name));
  return new Promise((ok, no) => { t.oncomplete = () => ok(q.result); t.onabort = t.onerror = () => no(t.error); });
}
const waiting = async (): Promise<Draft[]> => (await store<Draft[]>("queue", "readonly", (s) => s.getAll())).sort((a, b) => a.at - b.at);
const enqueue = (d: Draft) => store("queue", "readwrite", (s) => s.put(d));
const dequeue = (key: string) => store("queue", "readwrite", (s) => s.delete(key));

const form = document.querySelector<HTMLFormElement>("form[data-report]");
const list = document.querySelector<HTMLElement>("[data-waiting-list]");
const words = JSON.parse(form?.dataset.words ?? list?.dataset.words ?? "{}") as Record<string, string>;
const find = <T extends HTMLElement>(s: string) => document.querySelector<T>(s);
function el<K extends keyof HTMLElementTagNameMap>(tag: K, set: Partial<HTMLElementTagNameMap[K]> = {}, ...inside: (Node | string)[]): HTMLElementTagNameMap[K] {
  const e = Object.assign(document.createElement(tag), set);
  e.append(...inside);
  return e;
}

// -- sending
class Refused extends Error { constructor(public fault: Fault) { super(); } }

async function call(url: string, init: RequestInit): Promise<any> {
  const r = await fetch(url, { ...init, method: "POST", headers: { Accept: "application/json", ...init.headers } });
  const json = r.headers.get("Content-Type")?.includes("json") ? await r.json() : null;
  if (r.ok) return json;
  if (r.status === 409 || r.status === 404) return { gone: true, ...json };
  if (json && r.status < 500 && r.status !== 429) throw new Refused(json);
  throw new Error(String(r.status)); // tried again later
}

const piece = 256 << 10;

// upload brings one photo to the city, on from where the line broke.
async function upload(d: Draft, s: Shot): Promise<void> {
  const state = () => call("/report/files/" + s.upload, { headers: { "Huong-Report-Key": d.key } });
  let at = s.upload ? await state() : null;
  if (!at || at.offset === undefined) {
    at = await call("/report/files", { body: new URLSearchParams({ key: d.key, name: s.name, size: String(s.blob.size) }) });
    if (at.gone) throw new Refused({ detail: at.detail ?? words.refused });
    s.upload = at.id;
    await enqueue(d);
  }
  while (!at.done) {
    const next = await call("/report/files/" + s.upload, { body: s.blob.slice(at.offset, at.offset + piece), headers: { "Huong-Report-Key": d.key, "Huong-Upload-Offset": String(at.offset), "Content-Type": "application/octet-stream" } });
    at = next.gone ? await state() : next;
    if (at.offset === undefined) { s.upload = undefined; throw new Error("gone"); }
  }
}

async function send(d: Draft): Promise<string> {
  for (const s of d.shots) await upload(d, s);
  const body = new FormData();
  body.set("key", d.key);
  for (const [k, v] of d.fields) body.append(k, v);
  for (const s of d.shots) body.append("photo", s.upload!);
  const done = await call("/report", { body });
  if (done.gone) throw new Refused(done);
  return done.to;
}

// flush sends what waits, one after the other; one page at a time does so.
async function flush(): Promise<void> {
  const work = async () => {
    for (const d of await waiting()) {
      if (d.fault || d.to) continue;
      await show(d.key);
      try {
        d.to = await send(d);
        d.shots = [];
        await enqueue(d);
      } catch (e) {
        if (!(e instanceof Refused)) break;
        d.fault = e.fault;
        await enqueue(d);
      }
    }
  };
  if (navigator.locks) await navigator.locks.request("huong-reports", { ifAvailable: true }, (lock) => (lock ? work() : undefined));
  else await work();
  await show();
}

// show lists what waits, and what was sent since the page was opened.
async function show(sending = ""): Promise<void> {
  const panel = find("[data-waiting]");
  if (!panel || !list) return;
  const all = await waiting();
  panel.hidden = !all.length;
  list.replaceChildren(...all.map((d) => {
    const state = d.to ? "" : d.fault ? words.refused : d.key === sending ? words.sending : navigator.onLine ? words.waiting : words.waiting + " · " + words.offline;
    const li = el("li", {}, el("div", {}, el("b", { textContent: d.title }), el("small", { textContent: new Date(d.at).toLocaleString(document.documentElement.lang) })));
    li.dataset.state = d.to ? "sent" : d.fault ? "refused" : "waiting";
    if (d.to) li.append(el("a", { href: d.to, className: "button", textContent: words.sent, onclick: () => void dequeue(d.key) }));
    else li.append(el("span", { className: "rq-mark " + (d.fault ? "late" : "going"), textContent: state }));
    if (d.fault && form) li.append(el("button", { type: "button", textContent: words.edit, onclick: async () => { await dequeue(d.key); fill(d); faults(d.fault!); await show(); } }));
    if (d.fault) li.append(el("button", { type: "button", className: "plain", textContent: words.drop, onclick: async () => { await dequeue(d.key); await show(); } }));
    return li;
  }));
}

// -- the form
let shots: Shot[] = [];
let key = "";
const field = (name: string) => form!.elements.namedItem(name) as HTMLInputElement | null;
const freshKey = () => crypto.randomUUID();

function collect(): Draft {
  const data = new FormData(form!);
  const merged = new Map<string, string>();
  for (const [k, v] of data as unknown as Iterable<[string, string | File]>) {
    if (typeof v !== "string" || k === "key" || k === "photo" || v === "") continue;
    merged.set(k, merged.has(k) ? merged.get(k) + "," + v : v);
  }
  return { key, fields: [...merged], shots, at: Date.now(), title: find("[data-chosen-title]")?.textContent || words.waiting };
}

let saving = 0;
async function keepNow(): Promise<void> {
  clearTimeout(saving);
  saving = 0;
  const d = collect();
  if (d.fields.length || d.shots.length) await store("draft", "readwrite", (s) => s.put(d, "draft"));
  else await store("draft", "readwrite", (s) => s.delete("draft"));
  if (!saving) form!.dataset.draft = "kept";
}
function keep(): void {
  clearTimeout(saving);
  form!.dataset.draft = "";
  saving = window.setTimeout(() => void keepNow(), 300);
}

function choose(code: string): void {
  const radio = [...form!.querySelectorAll<HTMLInputElement>("[name=category]")].find((r) => r.value === code);
  const into = find("[data-questions]")!, chosen = find("[data-chosen]")!;
  const asked = form!.querySelector<HTMLTemplateElement>(`template[data-for="${CSS.escape(code)}"]`);
  chosen.hidden = !radio;
  find("[data-choices]")!.hidden = !!radio;
  into.replaceChildren(...(radio && asked ? [asked.content.cloneNode(true)] : []));
  find("[data-chosen-title]")!.textContent = radio?.closest("label")?.querySelector("b")?.textContent ?? "";
  if (radio) radio.checked = true;
  stops();
}

// stops holds the form back while an answer says that something else must be done.
function stops(): void {
  const note = find("[data-stop]:not(input)")!;
  const stop = form!.querySelector<HTMLInputElement>("input[data-stop]:checked:not([data-stop=''])")?.dataset.stop ?? "";
  note.textContent = stop;
  note.hidden = !stop;
  find<HTMLButtonElement>("[data-send]")!.disabled = !!stop;
}

function fill(d: Draft): void {
  form!.reset();
  key = d.key;
  shots = d.shots;
  const values = new Map(d.fields);
  choose(values.get("category") ?? "");
  for (const [name, text] of values) {
    const many = text.split(",");
    for (const e of form!.querySelectorAll<HTMLInputElement>(`[name="${CSS.escape(name)}"]`)) {
      if (e.type === "radio" || e.type === "checkbox") e.checked = e.type === "radio" ? e.value === text : many.includes(e.value);
      else e.value = text;
    }
  }
  stops();
  placed();
  draw();
}

// faults are told above the form and at their fields.
function faults(f: Fault): void {
  for (const e of form!.querySelectorAll("[data-js-fault]")) e.remove();
  for (const e of form!.querySelectorAll("[aria-invalid]")) { e.removeAttribute("aria-invalid"); e.removeAttribute("aria-describedby"); }
  const top = find("[data-fault]")!;
  const note = el("div", { className: "note bad", role: "alert" }, el("strong", { textContent: f.detail }));
  if (f.violations?.length) note.append(el("ul", {}, ...f.violations.map((v) => el("li", { textContent: v.message }))));
  top.replaceChildren(note);
  for (const v of f.violations ?? []) {
    const name = (v.field ?? "").replace(/\/.*/, "");
    const e = form!.querySelector<HTMLElement>(`[name="${CSS.escape(name)}"]:not([type=hidden])`);
    if (!e) continue;
    const id = name.replaceAll(".", "-") + "-fault";
    const p = el("p", { className: "fault", id }, el("span", { ariaHidden: "true", textContent: "◆" }), el("span", { textContent: v.message }));
    p.dataset.jsFault = "";
    e.setAttribute("aria-invalid", "true");
    e.setAttribute("aria-describedby", id);
    (e.closest("fieldset.rq-list") ?? e.closest(".field") ?? e.closest("fieldset"))?.append(p);
  }
  top.focus();
  top.scrollIntoView({ block: "center" });
}

// -- photos
const longest = 2048;

async function smaller(f: File): Promise<Blob> {
  try {
    const m = await createImageBitmap(f);
    const by = Math.min(1, longest / Math.max(m.width, m.height));
    if (by === 1 && f.size < 1 << 20) return f;
    const c = new OffscreenCanvas(Math.round(m.width * by), Math.round(m.height * by));
    c.getContext("2d")!.drawImage(m, 0, 0, c.width, c.height);
    const made = await c.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    return made.size < f.size ? made : f;
  } catch {
    return f; // the city looks at it
  }
}

function draw(): void {
  const ul = find("[data-shots]")!;
  for (const i of ul.querySelectorAll("img")) URL.revokeObjectURL(i.src);
  ul.replaceChildren(...shots.map((s, n) => el("li", {}, el("img", { src: URL.createObjectURL(s.blob), alt: s.name }),
    el("button", { type: "button", ariaLabel: words.remove.replace("{n}", String(n + 1)), textContent: "×", onclick: () => { shots = shots.filter((x) => x !== s); draw(); keep(); } }))));
}

// -- place
function placed(lon = field("longitude")!.value, lat = field("latitude")!.value): void {
  field("longitude")!.value = lon;
  field("latitude")!.value = lat;
  find("[data-placed]")!.textContent = lon && lat ? words.placed.replace("{at}", Number(lat).toFixed(5) + ", " + Number(lon).toFixed(5)) : "";
}

let asking = 0;
function near(): void {
  clearTimeout(asking);
  asking = window.setTimeout(async () => {
    const body = new URLSearchParams();
    for (const n of ["longitude", "latitude", "text"]) body.set(n, field(n)!.value);
    body.set("category", String(new FormData(form!).get("category") ?? ""));
    if (!body.get("longitude") || !body.get("category")) return;
    const r = await fetch("/report/near", { method: "POST", body, headers: { Accept: "text/html" } }).catch(() => null);
    if (!r?.ok) return;
    const part = new DOMParser().parseFromString(await r.text(), "text/html").getElementById("rq-near");
    if (part) find("[data-near]")!.replaceChildren(part);
  }, 600);
}

// suggest offers a category for what is written; who writes takes it or not.
let guessing = 0;
function suggest(): void {
  clearTimeout(guessing);
  guessing = window.setTimeout(async () => {
    const body = new URLSearchParams({ text: field("text")!.value, category: String(new FormData(form!).get("category") ?? "") });
    const r = await fetch("/report/suggest", { method: "POST", body, headers: { Accept: "text/html", "Huong-Part": "suggest" } }).catch(() => null);
    if (!r?.ok) return;
    const part = new DOMParser().parseFromString(await r.text(), "text/html").getElementById("rq-suggest");
    if (part) find("[data-suggest]")!.replaceChildren(part);
  }, 700);
}

function place(): void {
  const locate = find<HTMLButtonElement>("[data-locate]"), note = find("[data-placed]")!;
  if (locate && "geolocation" in navigator) {
    locate.hidden = false;
    locate.addEventListener("click", () => {
      note.textContent = words.locating;
      navigator.geolocation.getCurrentPosition((p) => { placed(p.coords.longitude.toFixed(6), p.coords.latitude.toFixed(6)); keep(); near(); },
        () => { note.textContent = words["no-place"]; }, { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 });
    });
  }
  const pick = find<HTMLButtonElement>("[data-pick]"), box = find("[data-pickbox]");
  if (!pick || !box) return;
  pick.hidden = false;
  pick.addEventListener("click", () => {
    box.hidden = !box.hidden;
    pick.setAttribute("aria-expanded", String(!box.hidden));
    if (box.hidden || box.dataset.asked) return;
    box.dataset.asked = "true";
    note.textContent = words.pick;
    document.head.append(el("link", { rel: "stylesheet", href: box.dataset.style! }), el("script", { type: "module", src: box.dataset.script! }));
  });
  box.addEventListener("huong:picked", (e) => { const [lon, lat] = (e as CustomEvent<[number, number]>).detail; placed(lon.toFixed(6), lat.toFixed(6)); keep(); near(); });
}

function startForm(): void {
  const f = form!;
  key = freshKey();
  f.noValidate = false;
  // -- categories
  const search = find<HTMLInputElement>("[data-search]")!;
  find("[data-search-box]")!.hidden = false;
  const fold = (s: string) => s.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{M}/gu, "").trim();
  search.addEventListener("input", (e) => {
    e.stopPropagation();
    const asked = fold(search.value).split(/\s+/).filter(Boolean);
    // What begins with the words as they stand, else what has words that begin so.
    const hay = new Map([...f.querySelectorAll<HTMLElement>(".rq-choice")].map((l) => [l, " " + fold(l.dataset.words!).replace(/[^\p{L}\d]+/gu, " ")]));
    const whole = [...hay.values()].some((h) => h.includes(" " + asked.join(" ")));
    let any = false;
    for (const g of f.querySelectorAll<HTMLDetailsElement>(".rq-group")) {
      let some = false;
      for (const l of g.querySelectorAll<HTMLElement>(".rq-choice")) {
        const fits = whole ? hay.get(l)!.includes(" " + asked.join(" ")) : asked.every((w) => hay.get(l)!.includes(" " + w));
        l.parentElement!.hidden = !fits;
        some ||= fits;
      }
      g.hidden = !some;
      g.open = some && asked.length > 0;
      any ||= some;
    }
    find("[data-search-none]")!.hidden = any;
  });
  search.addEventListener("keydown", (e) => { if (e.key === "Enter") e.preventDefault(); });
  find("[data-change]")!.addEventListener("click", () => { find("[data-choices]")!.hidden = false; find("[data-chosen]")!.hidden = true; search.focus(); });
  f.addEventListener("click", (e) => { // a choice by pointer or space; arrows move on first
    const r = (e.target as HTMLElement).closest<HTMLInputElement>("input[name=category]");
    if (r && (e as PointerEvent).detail !== 0) { choose(r.value); keep(); near(); find("[data-change]")!.focus(); }
  });
  f.addEventListener("keydown", (e) => {
    const r = (e.target as HTMLElement).closest<HTMLInputElement>("input[name=category]");
    if (r && (e.key === "Enter" || e.key === " ")) { e.preventDefault(); choose(r.value); keep(); near(); find("[data-change]")!.focus(); }
  });
  f.addEventListener("change", (e) => {
    const t = e.target as HTMLInputElement;
    if (t.name === "category" && find("[data-chosen]")!.hidden) { // by an arrow: ask its questions, leave the list
      find("[data-questions]")!.replaceChildren(f.querySelector<HTMLTemplateElement>(`template[data-for="${CSS.escape(t.value)}"]`)!.content.cloneNode(true));
      find("[data-chosen-title]")!.textContent = t.closest("label")!.querySelector("b")!.textContent;
    }
    stops();
    keep();
    if (t.name === "category") { near(); suggest(); }
  });
  f.addEventListener("input", (e) => { keep(); if ((e.target as HTMLElement).id === "text") { near(); suggest(); } });
  find("[data-suggest]")!.addEventListener("click", (e) => {
    const b = (e.target as HTMLElement).closest<HTMLElement>("[data-take]");
    if (!b) return;
    choose(b.dataset.take!);
    find("[data-suggest]")!.replaceChildren();
    keep();
    near();
    find("#text")!.focus();
  });
  // -- photos
  const picker = find<HTMLInputElement>("#photos")!;
  const add = find<HTMLButtonElement>("[data-add]")!;
  add.hidden = false;
  picker.hidden = true;
  add.addEventListener("click", () => picker.click());
  picker.addEventListener("change", async () => {
    const chosen = [...(picker.files ?? [])];
    picker.value = "";
    for (const file of chosen.slice(0, Math.max(0, 10 - shots.length))) {
      const blob = await smaller(file);
      if (blob.size > 20 << 20) { faults({ detail: words["photo-large"], violations: [{ field: "photos", message: words["photo-large"] }] }); continue; }
      shots = [...shots, { id: freshKey(), blob, name: file.name }];
    }
    draw();
    keep();
  });
  place();
  document.addEventListener("visibilitychange", () => { if (document.hidden && saving) void keepNow(); });
  // -- sending
  f.addEventListener("submit", async (e) => {
    e.preventDefault();
    const button = find<HTMLButtonElement>("[data-send]")!;
    if (button.disabled) return;
    button.disabled = true;
    clearTimeout(saving);
    saving = 0;
    const d = collect();
    try {
      await enqueue(d);
    } catch {
      button.disabled = false; // the device keeps nothing: a plain form does
      f.submit();
      return;
    }
    await store("draft", "readwrite", (s) => s.delete("draft"));
    await flush();
    const now = (await waiting()).find((x) => x.key === d.key);
    if (now?.to) { await dequeue(d.key); location.assign(now.to); return; }
    button.disabled = false;
    if (now?.fault) { await dequeue(d.key); fill(now); faults(now.fault); await show(); keep(); return; }
    find("[data-fault]")!.replaceChildren(el("p", { className: "note good", role: "status", textContent: words.queued }));
    f.reset();
    choose("");
    shots = [];
    key = freshKey();
    draw();
    placed("", "");
    find("[data-near]")!.replaceChildren();
    find("[data-suggest]")!.replaceChildren();
    find("#waiting-h")?.focus();
  });
  find("[data-discard]")!.addEventListener("click", async () => { clearTimeout(saving); saving = 0; await store("draft", "readwrite", (s) => s.delete("draft")); location.assign("/report"); });
  void store<Draft | undefined>("draft", "readonly", (s) => s.get("draft")).then((d) => {
    if (d && !find("[data-fault] .note")) { fill(d); find("[data-restored]")!.hidden = false; } else {
      const first = f.querySelector<HTMLInputElement>("[name=category]:checked");
      if (first && !find("[data-questions]")!.children.length) choose(first.value);
      else if (first) { find("[data-chosen]")!.hidden = false; find("[data-choices]")!.hidden = true; find("[data-chosen-title]")!.textContent = first.closest("label")!.querySelector("b")!.textContent; }
    }
    f.dataset.ready = "true";
  });
}

// offline keeps the page that sends and what it is made of.
async function offline(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/sw.js");
  const worker = (await navigator.serviceWorker.ready).active;
  await document.fonts.ready;
  const assets = performance.getEntriesByType("resource").map((r) => new URL(r.name)).filter((u) => u.origin === location.origin && u.pathname.startsWith("/assets/")).map((u) => u.pathname);
  const channel = new MessageChannel();
  channel.port1.onmessage = () => { document.documentElement.dataset.offline = "ready"; };
  worker?.postMessage({ keep: "/report?lang=" + document.documentElement.lang, assets: [...new Set(assets)] }, [channel.port2]);
}

if (form) { startForm(); void offline().catch(() => undefined); }
if (form || list) {
  void waiting().then((all) => Promise.all(all.filter((d) => d.to).map((d) => dequeue(d.key)))).then(() => show()).then(flush);
  addEventListener("online", () => void flush());
  addEventListener("offline", () => void show());
  setInterval(async () => { if ((await waiting()).some((d) => !d.fault && !d.to)) await flush(); }, 20_000);
}

// A receipt that was scanned: what stands behind # reaches the city in the form alone.
const receipt = find<HTMLFormElement>("form[data-open-receipt]");
if (receipt && location.hash.includes(".")) {
  const [code, secret] = location.hash.slice(1).split(".");
  history.replaceState(null, "", location.pathname);
  (receipt.elements.namedItem("code") as HTMLInputElement).value = decodeURIComponent(code);
  (receipt.elements.namedItem("secret") as HTMLInputElement).value = decodeURIComponent(secret);
  receipt.requestSubmit();
}
const print = find<HTMLButtonElement>("[data-print]");
if (print) { print.hidden = false; print.addEventListener("click", () => window.print()); }
