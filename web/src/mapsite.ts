// The map of the city: layers, time and selection of the page's address, shown
// by the map and by its twin, the list. The list is the server's; where the
// browser cannot draw the map, list and drawing work alone.
import { getJSON, View, type Place } from "./mapview";

interface Shown { letter: string; asked: string; running: boolean; again: boolean }

export async function startSite(root: HTMLElement): Promise<void> {
  const words = JSON.parse(root.dataset.words!) as Record<string, string>;
  const box = root.querySelector<HTMLElement>("[data-mapbox]");
  const form = document.getElementById("map-form") as HTMLFormElement;
  if (!box || !form) return;
  const params = () => new URLSearchParams(location.search);
  const view = new View({ box, words, worker: root.dataset.worker!, areas: root.dataset.areas!, bounds: JSON.parse(root.dataset.bounds!), basemap: root.dataset.basemap, view: viewOf(params().get("view")) });
  const shown = new Map<string, Shown>();
  let drawn = false;
  let selected = params().get("sel") ?? "";
  let moved = 0; // grows as data moves, so that tiles are asked for again

  // -- the address: one truth for the server's parts, the marks and the reader
  const chosenLayers = () => [...form.querySelectorAll<HTMLInputElement>("[name=layer]:checked")];
  const address = (): URLSearchParams => {
    const q = new URLSearchParams();
    for (const [name, value] of new FormData(form) as unknown as Iterable<[string, string]>) if (value !== "" || name === "by") q.append(name, value);
    const old = params();
    for (const keep of ["lang", "view"]) if (old.has(keep)) q.set(keep, old.get(keep)!);
    if (selected) q.set("sel", selected);
    return q;
  };
  const write = (q: URLSearchParams, push: boolean) => {
    const to = location.pathname + "?" + q;
    if (to === location.pathname + location.search) return;
    if (push) history.pushState(null, "", to); else history.replaceState(null, "", to);
  };

  // -- parts that the server draws
  const latest = new Map<string, number>();
  const part = async (id: string, more: Record<string, string> = {}): Promise<void> => {
    const turn = (latest.get(id) ?? 0) + 1;
    latest.set(id, turn);
    const q = address();
    q.set("fragment", id);
    for (const [k, v] of Object.entries(more)) q.set(k, v);
    const r = await fetch(location.pathname + "?" + q, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!r?.ok || latest.get(id) !== turn) return;
    const text = await r.text();
    const old = document.getElementById(id);
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(id);
    if (!old || !fresh || latest.get(id) !== turn) return;
    const held = document.activeElement as HTMLElement | null;
    const inside = held && old.contains(held) ? held.dataset.id ?? held.tagName : "";
    const scroll = old.scrollTop;
    old.replaceWith(fresh);
    fresh.scrollTop = scroll;
    if (inside) ([...fresh.querySelectorAll<HTMLElement>("a, button")].find((e) => e.dataset.id === inside) ?? fresh.querySelector<HTMLElement>("[data-twin] a, a"))?.focus({ preventScroll: true });
  };
  const bbox = (): Record<string, string> => {
    if (!drawn) return {};
    const b = view.map.getBounds();
    return { bbox: [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((n) => Math.max(-180, Math.min(180, n)).toFixed(5)).join() };
  };
  const list = () => part("map-list", bbox());
  const wards = async () => { await part("map-wards"); colour(); };
  const colour = () => {
    const el = document.getElementById("map-wards");
    if (drawn && el) view.wards(JSON.parse(el.dataset.classes || "{}"), (form.elements.namedItem("by") as HTMLSelectElement).value !== "none");
  };

  // -- marks
  const ask = (): string => {
    const q = address();
    for (const n of ["layer", "by", "sel", "view", "range"]) q.delete(n);
    return q.toString();
  };
  const load = async (name: string): Promise<void> => {
    const s = shown.get(name);
    if (!s || !drawn) return;
    if (s.running) { s.again = true; return; }
    s.running = true;
    do {
      s.again = false;
      s.asked = ask();
      const data = await getJSON(`/map/places/${encodeURIComponent(name)}?${s.asked}`).catch(() => null);
      if (data && shown.has(name)) {
        view.put(name, data.tiles
          ? { letter: s.letter, tiles: new URL(`/tiles/${encodeURIComponent(name)}/`, location.href).href + `{z}/{x}/{y}.mvt?${s.asked}&v=${moved}` }
          : { letter: s.letter, data });
      }
    } while (s.again);
    s.running = false;
  };
  const marks = async () => {
    const wanted = new Map(chosenLayers().map((i) => [i.value, i.dataset.letter!]));
    for (const name of [...shown.keys()]) if (!wanted.has(name)) { shown.delete(name); if (drawn) view.drop(name); }
    for (const [name, letter] of wanted) if (!shown.has(name)) shown.set(name, { letter, asked: "", running: false, again: false });
    await Promise.all([...shown.keys()].map(load));
  };
  const everything = async () => { await Promise.all([marks(), list(), wards()]); };

  // -- selection
  const sheet = JSON.parse(root.dataset.sheet!) as [number, number, number];
  const ring = root.querySelector<SVGCircleElement>("[data-ring]");
  const light = (at: Place | null) => {
    if (drawn) view.point(at);
    if (!ring) return;
    ring.toggleAttribute("hidden", !at);
    if (!at) return;
    ring.setAttribute("cx", String((at[0] - sheet[0]) * sheet[2]));
    ring.setAttribute("cy", String((sheet[1] - at[1]) * 1000));
  };
  let panel = 0;
  const select = (id: string, at: Place | null) => {
    selected = id;
    for (const a of document.querySelectorAll("[data-twin] a")) {
      if ((a as HTMLElement).dataset.id === id) a.setAttribute("aria-current", "true"); else a.removeAttribute("aria-current");
    }
    light(at);
    write(address(), false);
    clearTimeout(panel);
    panel = window.setTimeout(() => void part("map-chosen"), 120);
  };
  const placeOf = (el: HTMLElement): Place => [Number(el.dataset.lon), Number(el.dataset.lat)];
  root.addEventListener("focusin", (e) => {
    const row = (e.target as HTMLElement).closest<HTMLElement>("[data-twin] a");
    if (row && row.dataset.id !== selected) select(row.dataset.id!, placeOf(row));
  });
  root.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && selected) { select("", null); return; }
    const row = (e.target as HTMLElement).closest<HTMLElement>("[data-twin] a");
    if (!row) return;
    const rows = [...row.closest("[data-twin]")!.querySelectorAll<HTMLElement>("a")];
    const i = rows.indexOf(row);
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: rows.length - 1, PageDown: i + 10, PageUp: i - 10 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, to))].focus();
  });
  root.addEventListener("click", (e) => {
    if (!(e.target as HTMLElement).closest("[data-unselect]")) return;
    e.preventDefault();
    select("", null);
  });
  // A mark that the address names is lit as the page comes.
  const first = document.getElementById("map-chosen");
  const begin: Place | null = first?.dataset.id ? placeOf(first) : null;

  // -- time
  const field = root.querySelector<HTMLInputElement>("[data-at-field]");
  const slider = root.querySelector<HTMLInputElement>("[data-slider]");
  const moment = root.querySelector<HTMLOutputElement>("[data-moment]");
  const back = root.querySelector<HTMLButtonElement>("[data-now]");
  const play = root.querySelector<HTMLButtonElement>("[data-play]");
  const local = (t: Date) => t.toISOString().slice(0, 16); // of a date that holds the city's clock as if it were UTC
  const cityNow = (): Date => new Date(Date.parse(root.dataset.cityNow! + "Z") + performance.now() - started);
  const started = performance.now();
  const hour = 3600_000;
  const live = () => !field?.value;
  const tell = () => {
    const t = field!.value ? new Date(field!.value + "Z") : null;
    const text = t ? new Intl.DateTimeFormat("vi-VN", { timeZone: "UTC", hour: "2-digit", minute: "2-digit", day: "2-digit", month: "2-digit", year: "numeric" }).format(t) : words.now;
    moment!.textContent = text;
    slider!.setAttribute("aria-valuetext", text);
    back!.hidden = !t;
  };
  const setTime = async (step: number): Promise<void> => {
    const steps = Number(slider!.max);
    slider!.value = String(step);
    const at = new Date(Math.floor(cityNow().getTime() / hour) * hour - (steps - step - 1) * hour);
    field!.value = step >= steps ? "" : local(at);
    tell();
    write(address(), false);
    await everything();
  };
  if (field && slider && moment && back && play) {
    root.querySelector<HTMLElement>("[data-player]")!.hidden = false;
    tell();
    let waiting = 0;
    slider.addEventListener("input", () => {
      stop();
      clearTimeout(waiting);
      waiting = window.setTimeout(() => void setTime(Number(slider.value)), 120);
    });
    back.addEventListener("click", () => { stop(); void setTime(Number(slider.max)); slider.focus(); });
    field.addEventListener("change", (e) => { e.stopPropagation(); stop(); tell(); place(); write(address(), true); void everything(); });
    const place = () => {
      const t = field.value ? Date.parse(field.value + "Z") : Infinity;
      slider.value = String(Math.max(0, Number(slider.max) - Math.max(0, Math.ceil((cityNow().getTime() - t) / hour))));
    };
    let playing = false;
    const show = () => {
      play.setAttribute("aria-pressed", String(playing));
      play.querySelector("[data-glyph]")!.textContent = playing ? "❚❚" : "▶";
      play.querySelector("[data-word]")!.textContent = playing ? words.pause : words.play;
    };
    const stop = () => { playing = false; show(); };
    // One hour follows another when its marks have come, never faster than asked.
    const run = async () => {
      if (Number(slider.value) >= Number(slider.max)) slider.value = "0";
      while (playing) {
        const pace = 1000 / Number(root.querySelector<HTMLSelectElement>("[data-speed]")!.value);
        await Promise.all([setTime(Number(slider.value) + 1), new Promise((r) => setTimeout(r, pace))]);
        if (Number(slider.value) >= Number(slider.max)) stop();
      }
    };
    play.addEventListener("click", () => {
      playing = !playing;
      show();
      if (playing) void run();
    });
  }

  // -- choice
  form.querySelector<HTMLElement>("[data-apply]")!.hidden = true;
  const changed = (e: Event) => {
    const el = e.target as HTMLInputElement;
    if (!el.name || el === field || el.form !== form) return;
    write(address(), true);
    if (el.name === "by") { void wards(); return; }
    if (el.name === "range") { location.reload(); return; }
    if (el.name === "layer") {
      form.querySelector("[data-chosen-count]")!.textContent = String(chosenLayers().length);
      void marks();
      void list();
      return;
    }
    void everything();
  };
  document.addEventListener("change", changed);
  form.addEventListener("submit", (e) => { e.preventDefault(); write(address(), true); void everything(); });
  addEventListener("popstate", () => location.reload());

  // -- what moves: the page's one stream tells which datasets did
  let due = 0;
  let trailing = 0;
  const waitingFor = new Set<string>();
  const refresh = async () => {
    due = 0;
    const names = new Set(waitingFor);
    waitingFor.clear();
    if (!live() || document.hidden) return;
    moved++;
    const figure = (form.elements.namedItem("by") as HTMLSelectElement).value;
    const mine = [...shown.keys()].filter((n) => names.has(n));
    await Promise.all([...mine.map(load), mine.length ? list() : null, figure === "none" || figure.startsWith("data:") && !names.has(figure.slice(5)) ? null : wards()]);
    root.dataset.refreshed = String(Number(root.dataset.refreshed ?? 0) + 1);
  };
  document.addEventListener("huong:moved", (e) => {
    for (const n of (e as CustomEvent<string[]>).detail) waitingFor.add(n);
    if (!due) due = window.setTimeout(() => void refresh(), 250);
    // A large layer rests between two readings: look once more when all is quiet.
    const names = (e as CustomEvent<string[]>).detail;
    clearTimeout(trailing);
    trailing = window.setTimeout(() => { for (const n of names) waitingFor.add(n); void refresh(); }, 5000);
  });

  // -- the map itself
  try {
    await view.start();
    drawn = true;
  } catch {
    root.dataset.mapFailed = "true";
    const note = document.createElement("p");
    note.className = "xs soft";
    note.textContent = words.nomap;
    box.after(note);
    light(begin);
    return;
  }
  const map = view.map;
  colour();
  light(begin);
  const loaded = marks();
  map.on("click", (e) => {
    const found = view.at(e.point.x, e.point.y);
    const m = found.find((f) => f.k !== undefined) ?? found[0];
    if (!m) { if (selected) select("", null); return; }
    if (m.k === undefined) void view.open(m);
    else select(m.layer + "/" + m.k, m.at);
  });
  map.on("mousemove", (e) => { map.getCanvas().style.cursor = view.at(e.point.x, e.point.y).length ? "pointer" : ""; });
  // The list follows the view that the reader chose, not one that a selection
  // moved: it must not change under the reader's keys.
  let byReader = false;
  map.on("movestart", (e) => { byReader = !!e.originalEvent; });
  map.on("moveend", (e) => {
    const c = map.getCenter();
    const q = params();
    q.set("view", [c.lng.toFixed(4), c.lat.toFixed(4), map.getZoom().toFixed(2)].join());
    if (byReader || e.originalEvent || !document.activeElement?.closest("[data-twin]")) {
      write(q, false);
      void list();
    }
  });
  await loaded;
  root.dataset.marksReady = "true";
}

function viewOf(s: string | null): { center: Place; zoom: number } | undefined {
  const [lon, lat, zoom] = (s ?? "").split(",").map(Number);
  return s && [lon, lat, zoom].every(Number.isFinite) && Math.abs(lon) <= 180 && Math.abs(lat) <= 85 ? { center: [lon, lat], zoom } : undefined;
}
