// The maps of the pages. On a dataset's page the marks are the reader's choice
// of records; the list beside it is its twin and carries the keyboard. Without
// WebGL the drawing stays.
import { Popup } from "maplibre-gl";
import { getJSON, View, type Place } from "./mapview";
import { startSite } from "./mapsite";
import { startPick } from "./requestpick";

const box = document.querySelector<HTMLElement>("[data-map]");
if (box) start(box).catch(() => { box.dataset.mapFailed = "true"; });
const site = document.querySelector<HTMLElement>("[data-site]");
if (site) void startSite(site);
const pick = document.querySelector<HTMLElement>("[data-pickbox]");
if (pick) startPick(pick).catch(() => { pick.hidden = true; });

async function start(box: HTMLElement): Promise<void> {
  const words = JSON.parse(box.dataset.words!) as Record<string, string>;
  const view = new View({ box, words, worker: box.dataset.worker!, areas: box.dataset.areas!, bounds: JSON.parse(box.dataset.bounds!) });
  const [data] = await Promise.all([getJSON(box.dataset.points!), view.start()]);
  view.put("records", { letter: "", data });

  const popup = (at: Place, content: HTMLElement, stays: boolean) =>
    new Popup({ closeButton: false, closeOnClick: stays, focusAfterOpen: stays, maxWidth: "260px" }).setLngLat(at).setDOMContent(content).addTo(view.map);
  view.map.on("click", (e) => {
    const m = view.at(e.point.x, e.point.y)[0];
    if (!m) return;
    if (!m.k) { void view.open(m); return; }
    const a = document.createElement(m.h ? "a" : "span");
    if (m.h) (a as HTMLAnchorElement).href = m.h;
    a.textContent = m.t ?? "";
    popup(m.at, a, true);
  });
  view.map.on("mousemove", (e) => { view.map.getCanvas().style.cursor = view.at(e.point.x, e.point.y).length ? "pointer" : ""; });
  // The list lights its point, and the point's place comes into view.
  for (const li of document.querySelectorAll<HTMLElement>("[data-lon]")) {
    let mark: Popup | undefined;
    const at: Place = [Number(li.dataset.lon), Number(li.dataset.lat)];
    const off = () => { mark?.remove(); mark = undefined; view.point(null); };
    const on = () => {
      off();
      const dot = document.createElement("span");
      dot.textContent = li.dataset.label || "";
      mark = popup(at, dot, false);
      view.point(at);
    };
    li.addEventListener("mouseenter", on);
    li.addEventListener("mouseleave", off);
    li.addEventListener("focusin", on);
    li.addEventListener("focusout", off);
  }
}
