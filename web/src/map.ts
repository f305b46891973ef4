// The map of one dataset: areas below, clustered points above, no tiles and no
// glyph files, so nothing is asked of another origin. The list beside it is
// its twin and carries the keyboard. Without WebGL the drawing stays.
import { Map as MapView, NavigationControl, Popup, setWorkerUrl, type GeoJSONSource, type StyleSpecification } from "maplibre-gl";

const box = document.querySelector<HTMLElement>("[data-map]");
if (box) start(box).catch(() => { box.dataset.mapFailed = "true"; });

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

async function start(box: HTMLElement): Promise<void> {
  const words = JSON.parse(box.dataset.words!) as Record<string, string>;
  setWorkerUrl(new URL(box.dataset.worker!, location.href).href);
  const [areas, points] = await Promise.all([box.dataset.areas!, box.dataset.points!].map(async (u) => {
    const r = await fetch(u, { headers: { Accept: "application/json" } });
    if (!r.ok) throw new Error(String(r.status));
    return r.json();
  }));
  await document.fonts.load('500 12px "Be Vietnam Pro"', "Huế");
  const at = document.createElement("div");
  at.className = "island";
  box.append(at);
  const paint = () => ({
    sunken: colour("--sunken"), surface: colour("--surface"), line: colour("--line-strong"), ink: colour("--ink"), soft: colour("--ink-2"),
    r: [1, 2, 3, 4, 5].map((i) => colour("--river-" + i)), river: colour("--river"), on: colour("--on-river"),
  });
  const style = (): StyleSpecification => {
    const c = paint();
    return {
      version: 8,
      sources: {
        areas: { type: "geojson", data: areas },
        points: { type: "geojson", data: points, cluster: true, clusterRadius: 44, clusterMaxZoom: 14 },
      },
      layers: [
        { id: "ground", type: "background", paint: { "background-color": c.sunken } },
        { id: "areas", type: "fill", source: "areas", paint: { "fill-color": c.surface } },
        { id: "borders", type: "line", source: "areas", paint: { "line-color": c.line, "line-width": 1 } },
        { id: "clusters", type: "circle", source: "points", filter: ["has", "point_count"], paint: { "circle-color": ["step", ["get", "point_count"], c.r[2], 50, c.r[3], 500, c.r[4]], "circle-radius": ["step", ["get", "point_count"], 13, 50, 18, 500, 24], "circle-stroke-color": c.surface, "circle-stroke-width": 2 } },
        { id: "numbers", type: "symbol", source: "points", filter: ["has", "point_count"], layout: { "text-field": ["number-format", ["get", "point_count"], { locale: document.documentElement.lang === "vi" ? "vi-VN" : "en-GB" }], "text-font": ["IBM Plex Sans"], "text-size": 12, "text-allow-overlap": true }, paint: { "text-color": ["step", ["get", "point_count"], c.ink, 50, c.on] } },
        { id: "points", type: "circle", source: "points", filter: ["!", ["has", "point_count"]], paint: { "circle-color": c.river, "circle-radius": 5, "circle-stroke-color": c.surface, "circle-stroke-width": 1.5 } },
        { id: "names", type: "symbol", source: "areas", minzoom: 9.5, layout: { "text-field": ["get", "name"], "text-font": ["Be Vietnam Pro"], "text-size": 11, "text-optional": true }, paint: { "text-color": c.soft, "text-halo-color": c.surface, "text-halo-width": 1.2 } },
      ],
    };
  };
  const bounds = JSON.parse(box.dataset.bounds!) as [number, number, number, number];
  let map: MapView;
  try {
    map = new MapView({ container: at, style: style(), bounds, fitBoundsOptions: { padding: 24 }, attributionControl: false, dragRotate: false, pitchWithRotate: false, maxPitch: 0, renderWorldCopies: false, locale: { "NavigationControl.ZoomIn": words.zoomIn, "NavigationControl.ZoomOut": words.zoomOut, "Map.Title": words.title } });
  } catch (e) {
    at.remove();
    throw e;
  }
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.once("idle", () => { box.classList.add("ready"); box.dataset.mapReady = "true"; });

  const open = (lngLat: [number, number], p: Record<string, string>) => {
    const a = document.createElement("a");
    a.href = p.h;
    a.textContent = p.t;
    new Popup({ closeButton: false, maxWidth: "260px" }).setLngLat(lngLat).setDOMContent(a).addTo(map);
  };
  map.on("click", "points", (e) => {
    const f = e.features?.[0];
    if (f?.geometry.type === "Point") open(f.geometry.coordinates as [number, number], f.properties as Record<string, string>);
  });
  map.on("click", "clusters", async (e) => {
    const f = e.features?.[0];
    if (f?.geometry.type !== "Point") return;
    const zoom = await (map.getSource("points") as GeoJSONSource).getClusterExpansionZoom(f.properties.cluster_id);
    map.easeTo({ center: f.geometry.coordinates as [number, number], zoom, animate: !matchMedia("(prefers-reduced-motion: reduce)").matches });
  });
  for (const layer of ["points", "clusters"]) {
    map.on("mouseenter", layer, () => { map.getCanvas().style.cursor = "pointer"; });
    map.on("mouseleave", layer, () => { map.getCanvas().style.cursor = ""; });
  }
  // The list lights its point, and the point's place comes into view.
  for (const li of document.querySelectorAll<HTMLElement>("[data-lon]")) {
    const here = (): [number, number] => [Number(li.dataset.lon), Number(li.dataset.lat)];
    let mark: Popup | undefined;
    const on = () => {
      const dot = document.createElement("span");
      dot.textContent = li.dataset.label || "";
      mark?.remove();
      mark = new Popup({ closeButton: false, closeOnClick: false, focusAfterOpen: false }).setLngLat(here()).setDOMContent(dot).addTo(map);
      if (!map.getBounds().contains(here())) map.jumpTo({ center: here() });
    };
    const off = () => { mark?.remove(); mark = undefined; };
    li.addEventListener("mouseenter", on);
    li.addEventListener("mouseleave", off);
    li.addEventListener("focusin", on);
    li.addEventListener("focusout", off);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map.setStyle(style()));
}
