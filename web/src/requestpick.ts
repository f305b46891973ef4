// A place chosen on the map: a tap marks it and tells the form.
import { View } from "./mapview";

export async function startPick(box: HTMLElement): Promise<void> {
  const view = new View({ box, words: JSON.parse(box.dataset.words!), worker: box.dataset.worker!, areas: box.dataset.areas!, bounds: JSON.parse(box.dataset.bounds!), basemap: box.dataset.basemap });
  await view.start();
  view.map.getCanvas().style.cursor = "crosshair";
  view.map.on("click", (e) => {
    view.point([e.lngLat.lng, e.lngLat.lat]);
    box.dispatchEvent(new CustomEvent("huong:picked", { detail: [e.lngLat.lng, e.lngLat.lat] }));
  });
}
