// The interactive map that every page with one shares: wards below, marks above,
// streets of the city's own file under both where there is one. No glyph files
// and nothing of another origin. Marks tell severity by shape and colour; those
// that lie too close together are one with their count and their worst severity.
import { addProtocol, Map as MapView, NavigationControl, setWorkerUrl, type ExpressionSpecification, type GeoJSONSource, type LayerSpecification, type MapGeoJSONFeature, type SourceSpecification, type StyleSpecification, type VectorTileSource } from "maplibre-gl";
import { Protocol } from "pmtiles";
import { GRAYSCALE, DARK, layers as streetLayers } from "@protomaps/basemaps";

export type Place = [number, number];
export interface Mark { n: number; s: number; k?: string; t?: string; h?: string; a?: string; layer: string; at: Place; cluster?: number }
interface Layer { letter: string; data?: GeoJSON.FeatureCollection; tiles?: string }
export interface Options { box: HTMLElement; worker: string; areas: string; bounds: [number, number, number, number]; view?: { center: Place; zoom: number }; basemap?: string; words: Record<string, string> }

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export async function getJSON(url: string): Promise<any> {
  const r = await fetch(url, { headers: { Accept: "application/json" } });
  if (!r.ok) throw new Error(String(r.status));
  return r.json();
}

export class View {
  map!: MapView;
  private layers = new Map<string, Layer>();
  private classes: Record<string, string> = {};
  private painted = false; // a figure colours the wards
  private ring: Place | null = null;
  private areas: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
  private skin = "";

  constructor(private o: Options) {}

  // start draws the map, or throws where the browser cannot.
  async start(): Promise<void> {
    const o = this.o;
    setWorkerUrl(new URL(o.worker, location.href).href);
    const [areas] = await Promise.all([getJSON(o.areas), document.fonts.load('500 12px "Be Vietnam Pro"', "Huế"), document.fonts.load('600 12px "IBM Plex Sans"', "0")]);
    this.areas = areas;
    if (o.basemap) addProtocol("pmtiles", new Protocol().tile);
    const at = document.createElement("div");
    at.className = "island";
    o.box.append(at);
    this.skin = this.look();
    try {
      this.map = new MapView({
        container: at, style: this.style(), ...(o.view ? { center: o.view.center, zoom: o.view.zoom } : { bounds: o.bounds, fitBoundsOptions: { padding: 24 } }),
        attributionControl: false, dragRotate: false, pitchWithRotate: false, maxPitch: 0, renderWorldCopies: false, fadeDuration: still() ? 0 : 150,
        locale: { "NavigationControl.ZoomIn": o.words.zoomIn, "NavigationControl.ZoomOut": o.words.zoomOut, "Map.Title": o.words.title },
      });
    } catch (e) {
      at.remove();
      throw e;
    }
    const map = this.map;
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.on("styleimagemissing", (e) => this.icon(e.id));
    await new Promise<void>((r) => { map.once("load", () => r()); });
    this.icons();
    map.once("idle", () => { o.box.classList.add("ready"); o.box.dataset.mapReady = "true"; });
    // What the eye has before it, for whoever measures the map.
    map.on("idle", () => {
      o.box.dataset.drawn = String(this.drawn().reduce((n, m) => n + m.n, 0));
      o.box.dataset.idle = String(Number(o.box.dataset.idle ?? 0) + 1);
      if (o.basemap && map.querySourceFeatures("streets", { sourceLayer: "earth" }).length) o.box.dataset.streets = "true";
    });
    const again = () => { const skin = this.look(); if (skin !== this.skin) { this.skin = skin; this.icons(); this.restyle(); } };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }

  private look(): string { return getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "dark" : "light"; }

  // put adds a layer or gives it new marks.
  put(name: string, l: Layer): void {
    const had = this.layers.get(name);
    this.layers.set(name, l);
    const source = had && this.map.getSource(name);
    if (source && had.data && l.data) (source as GeoJSONSource).setData(l.data);
    else if (source && had.tiles && l.tiles) (source as VectorTileSource).setTiles([l.tiles]);
    else {
      if (had) { this.layers.delete(name); this.restyle(); this.layers.set(name, l); }
      this.restyle();
    }
  }

  drop(name: string): void { if (this.layers.delete(name)) this.restyle(); }
  has(name: string): boolean { return this.layers.has(name); }

  // wards colours them: class by code. Without any the wards are plain.
  wards(classes: Record<string, string>, painted: boolean): void {
    this.classes = classes;
    this.painted = painted;
    this.restyle();
  }

  // point marks the chosen place.
  point(at: Place | null): void {
    this.ring = at;
    (this.map.getSource("chosen") as GeoJSONSource | undefined)?.setData(this.ringData());
    if (at && !this.map.getBounds().contains(at)) this.go(at);
  }

  go(center: Place, zoom?: number): void {
    const to = zoom === undefined ? { center } : { center, zoom };
    if (still()) this.map.jumpTo(to); else this.map.easeTo(to);
  }

  // open zooms to where a cluster falls apart.
  async open(m: Mark): Promise<void> {
    const source = this.map.getSource(m.layer);
    if (source?.type === "geojson" && m.cluster !== undefined) this.go(m.at, await (source as GeoJSONSource).getClusterExpansionZoom(m.cluster));
    else this.go(m.at, this.map.getZoom() + 2);
  }

  private names(): string[] { return [...this.layers.keys()].map((n) => "marks-" + n).filter((n) => this.map.getLayer(n)); }

  drawn(): Mark[] {
    const seen = new Map<string, Mark>();
    for (const f of this.map.queryRenderedFeatures(undefined, { layers: this.names() })) {
      const m = this.mark(f);
      seen.set(m.layer + "/" + (m.k ?? m.at.join()), m);
    }
    return [...seen.values()];
  }

  // at tells the marks near a pixel, the worst first.
  at(x: number, y: number): Mark[] {
    return this.map.queryRenderedFeatures([[x - 6, y - 6], [x + 6, y + 6]], { layers: this.names() }).map((f) => this.mark(f)).sort((a, b) => b.s - a.s);
  }

  private mark(f: MapGeoJSONFeature): Mark {
    const p = f.properties;
    return { n: p.n ?? 1, s: p.s ?? 0, k: p.k, t: p.t, h: p.h, a: p.a, layer: f.source, at: (f.geometry as GeoJSON.Point).coordinates as Place, cluster: p.cluster_id };
  }

  private ringData(): GeoJSON.FeatureCollection {
    return { type: "FeatureCollection", features: this.ring ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: this.ring } }] : [] };
  }

  private restyle(): void { this.map.setStyle(this.style(), { diff: true }); }

  private style(): StyleSpecification {
    const dark = this.skin === "dark";
    const c = { sunken: colour("--sunken"), surface: colour("--surface"), line: colour("--line-strong"), edge: colour("--map-edge"), soft: colour("--ink-2"), river: colour("--river"), ink: colour("--ink") };
    const streets = this.o.basemap;
    const sources: Record<string, SourceSpecification> = {
      areas: { type: "geojson", data: this.areas },
      chosen: { type: "geojson", data: this.ringData() },
    };
    const list: LayerSpecification[] = [{ id: "ground", type: "background", paint: { "background-color": c.sunken } }];
    let labels: LayerSpecification[] = [];
    if (streets) {
      sources.streets = { type: "vector", url: "pmtiles://" + new URL(streets, location.href).href };
      const plain = dark ? { ...DARK, background: c.sunken, earth: "#12181d", water: "#1b2731" } : { ...GRAYSCALE, background: c.sunken, earth: "#f3f2ef", water: "#d9e0e4" };
      const all = streetLayers("streets", plain, { lang: document.documentElement.lang });
      list.push(...all.filter((l) => l.type !== "symbol"));
      labels = all.filter((l) => l.type === "symbol" && !l.layout?.["icon-image"]).map((l) => ({ ...l, layout: { ...(l as any).layout, "text-font": ["Be Vietnam Pro"] } }) as LayerSpecification);
    }
    const coded: unknown[] = [];
    for (let i = 1; i <= 5; i++) {
      const codes = Object.keys(this.classes).filter((code) => this.classes[code] === "r" + i);
      if (codes.length) coded.push(codes, colour("--river-" + i));
    }
    const known = Object.keys(this.classes);
    list.push(
      { id: "areas", type: "fill", source: "areas", paint: { "fill-color": coded.length ? ["match", ["get", "code"], ...coded, c.surface] as unknown as ExpressionSpecification : c.surface, "fill-opacity": streets ? (coded.length ? 0.6 : 0) : 1 } },
      { id: "unknown", type: "fill", source: "areas", filter: this.painted ? ["!", ["in", ["get", "code"], ["literal", known]]] : ["literal", false], paint: { "fill-pattern": this.skin + ":hatch" } },
      { id: "borders", type: "line", source: "areas", paint: { "line-color": coded.length && !streets ? c.edge : c.line, "line-width": 1 } },
      ...labels,
      { id: "names", type: "symbol", source: "areas", minzoom: 9.5, layout: { "text-field": ["get", "name"], "text-font": ["Be Vietnam Pro"], "text-size": 11, "text-optional": true }, paint: { "text-color": c.soft, "text-halo-color": c.surface, "text-halo-width": 1.2 } },
    );
    // The first of the page's layers lies on top.
    for (const [name, l] of [...this.layers].sort((a, b) => (a[1].letter < b[1].letter ? 1 : -1))) {
      if (l.tiles) sources[name] = { type: "vector", tiles: [l.tiles], maxzoom: 16 };
      else sources[name] = { type: "geojson", data: l.data!, cluster: true, clusterRadius: 44, clusterMaxZoom: 15, clusterProperties: { n: ["+", ["get", "n"]], s: ["max", ["get", "s"]] } };
      list.push(this.marks(name, l, dark));
    }
    list.push({ id: "ring", type: "circle", source: "chosen", paint: { "circle-radius": 17, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": c.river, "circle-stroke-width": 3 } });
    return { version: 8, sources, layers: list };
  }

  private marks(name: string, l: Layer, dark: boolean): LayerSpecification {
    const one: ExpressionSpecification = ["has", "k"];
    const locale = document.documentElement.lang === "vi" ? "vi-VN" : "en-GB";
    return {
      id: "marks-" + name, type: "symbol", source: name, ...(l.tiles ? { "source-layer": "marks" } : {}),
      layout: {
        "icon-image": ["concat", this.skin + ":", ["match", ["get", "s"], 3, "high", 2, "medium", 1, "low", "calm"], ["case", one, ["case", ["has", "a"], ":area", ":one"], ":many"]],
        "icon-size": ["case", one, 1, ["step", ["get", "n"], 1, 50, 1.2, 500, 1.45]],
        "icon-allow-overlap": true, "text-allow-overlap": true,
        "text-field": ["case", one, l.letter, ["number-format", ["get", "n"], { locale }]],
        "text-font": ["IBM Plex Sans"], "text-size": ["case", one, 10, 12],
        "text-offset": ["match", ["get", "s"], 2, ["literal", [0, 0.25]], ["literal", [0, 0]]],
        "symbol-sort-key": ["get", "s"],
      },
      paint: { "text-color": ["case", ["has", "a"], colour("--ink"), ["match", ["get", "s"], 3, dark ? "#1d1c21" : "#ffffff", 0, colour("--surface"), "#1d1c21"]] },
    };
  }

  // icons are ready before the first mark is: one that is laid out without its
  // image would stay without.
  private icons(): void {
    this.icon(this.skin + ":hatch");
    for (const s of ["calm", "low", "medium", "high"]) for (const size of ["one", "area", "many"]) this.icon([this.skin, s, size].join(":"));
  }

  // icon draws an image, the hatching when the map first asks for it: shape by severity, full
  // for a place, hollow where only the ward is known, larger for several.
  private icon(id: string): void {
    const [, what, size] = id.split(":");
    if (this.map.hasImage(id)) return;
    const ratio = 2, side = (what === "hatch" ? 8 : size === "many" ? 34 : 24) * ratio;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const g = canvas.getContext("2d")!;
    if (what === "hatch") {
      g.fillStyle = colour("--sunken");
      g.fillRect(0, 0, side, side);
      g.strokeStyle = colour("--line-strong");
      g.lineWidth = 3;
      g.beginPath();
      for (const d of [-side, 0, side]) { g.moveTo(d, side); g.lineTo(d + side, 0); }
      g.stroke();
    } else {
      const h = side / 2, r = h - 3;
      g.beginPath();
      if (what === "high") { g.moveTo(h, 3); g.lineTo(h + r, h); g.lineTo(h, h + r); g.lineTo(h - r, h); }
      else if (what === "medium") { g.moveTo(h, 3); g.lineTo(h + r, h + r * 0.86); g.lineTo(h - r, h + r * 0.86); }
      else if (what === "low") g.rect(h - r * 0.84, h - r * 0.84, r * 1.68, r * 1.68);
      else g.arc(h, h, r * 0.84, 0, 7);
      g.closePath();
      const fill = what === "calm" ? colour("--ink-2") : colour(`--sev-${what}-fill`);
      g.fillStyle = size === "area" ? colour("--surface") : fill;
      g.fill();
      g.lineJoin = "round";
      g.lineWidth = size === "area" ? 5 : 3;
      g.strokeStyle = size === "area" ? fill : colour("--surface");
      g.stroke();
    }
    this.map.addImage(id, g.getImageData(0, 0, side, side), { pixelRatio: ratio });
  }
}
