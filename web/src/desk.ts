// The desk of citizens' reports: how many are chosen, templates, masking, black
// boxes on a photo, and the nearest task first. Each form works without it.

// A bulk step says how many it is about.
function startBulk(): void {
  document.addEventListener("change", (e) => {
    const form = (e.target as HTMLElement).closest<HTMLFormElement>("[data-bulk]");
    const out = form?.querySelector("[data-bulk-count]");
    if (!form || !out) return;
    const n = form.querySelectorAll("input[name=item]:checked").length;
    out.textContent = n ? "(" + n + ")" : "";
  });
}

// A template is put into the answer, and its outcome is chosen.
function startTemplates(): void {
  document.addEventListener("click", (e) => {
    const a = (e.target as HTMLElement).closest<HTMLAnchorElement>("a[data-template]");
    const form = a?.closest("form");
    const box = form?.querySelector<HTMLTextAreaElement>("textarea[name=answer]");
    if (!a || !form || !box) return;
    e.preventDefault();
    box.value = a.dataset.template ?? "";
    const radio = form.querySelector<HTMLInputElement>(`input[name=outcome][value="${a.dataset.outcome}"]`);
    if (radio) radio.checked = true;
    box.focus();
  });
}

// What is masked in the text as written is masked in what is published.
function startMask(): void {
  const form = document.querySelector<HTMLFormElement>("[data-mask]");
  const box = document.querySelector<HTMLTextAreaElement>("[data-masked]");
  if (!form || !box) return;
  for (const b of document.querySelectorAll<HTMLElement>("[data-script-hides]")) b.hidden = true;
  form.addEventListener("change", () => {
    let text = "";
    for (const part of form.querySelectorAll<HTMLElement>("[data-part]")) {
      const tick = part.parentElement?.querySelector<HTMLInputElement>("input[name=mask]");
      text += part.tagName === "MARK" && tick?.checked ? "███" : part.textContent;
    }
    box.value = text;
  });
}

// Boxes are drawn by pointer; the numbers below say the same, and can be typed.
function startRedact(): void {
  const form = document.querySelector<HTMLFormElement>("[data-redact]");
  const canvas = form?.querySelector<HTMLElement>(".desk-canvas");
  const svg = canvas?.querySelector("svg");
  const list = form?.querySelector<HTMLElement>(".desk-boxes");
  if (!form || !canvas || !svg || !list) return;
  const [width, height] = [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height];
  const inputs = (f: Element) => ["x", "y", "w", "h"].map((n) => f.querySelector<HTMLInputElement>(`input[name=${n}]`)!);
  const draw = () => {
    svg.replaceChildren();
    for (const f of list.querySelectorAll("fieldset")) {
      const [x, y, w, h] = inputs(f).map((i) => Number(i.value));
      if (!(w > 0 && h > 0)) continue;
      const r = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [k, n] of Object.entries({ x, y, width: w, height: h })) r.setAttribute(k, String(n));
      svg.append(r);
    }
  };
  const free = (): Element => {
    for (const f of list.querySelectorAll("fieldset")) if (inputs(f).every((i) => i.value === "")) return f;
    const all = list.querySelectorAll("fieldset");
    const more = all[all.length - 1].cloneNode(true) as HTMLElement;
    for (const i of inputs(more)) i.value = "";
    const legend = more.querySelector("legend");
    if (legend) legend.textContent = legend.textContent!.replace(/\d+/, String(all.length + 1));
    list.append(more);
    return more;
  };
  let box: Element | null = null;
  let from = [0, 0];
  const at = (e: PointerEvent) => {
    const r = canvas.getBoundingClientRect();
    const clamp = (n: number, most: number) => Math.max(0, Math.min(most, Math.round(n)));
    return [clamp(((e.clientX - r.left) / r.width) * width, width), clamp(((e.clientY - r.top) / r.height) * height, height)];
  };
  const put = (e: PointerEvent) => {
    if (!box) return;
    const to = at(e);
    const values = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
    inputs(box).forEach((i, k) => (i.value = String(values[k])));
    draw();
  };
  canvas.addEventListener("pointerdown", (e) => {
    e.preventDefault();
    canvas.setPointerCapture(e.pointerId);
    from = at(e);
    box = free();
    put(e);
  });
  canvas.addEventListener("pointermove", put);
  canvas.addEventListener("pointerup", () => {
    if (box && (Number(inputs(box)[2].value) < 4 || Number(inputs(box)[3].value) < 4)) for (const i of inputs(box)) i.value = "";
    box = null;
    draw();
  });
  list.addEventListener("input", draw);
  draw();
}

// A call is taken in once, however often the form is sent.
function startKey(): void {
  const key = document.querySelector<HTMLInputElement>("input[data-key]");
  if (key && !key.value && crypto.randomUUID) key.value = crypto.randomUUID();
  document.querySelector<HTMLSelectElement>("select[data-choose]")?.addEventListener("change", (e) => {
    const s = e.target as HTMLSelectElement;
    if (s.value) s.form?.requestSubmit();
  });
}

// The nearest task first. Where the crew is never leaves the device.
function startNear(): void {
  const row = document.querySelector<HTMLElement>("[data-near]");
  const list = document.querySelector<HTMLElement>("[data-tasks]");
  if (!row || !list || !navigator.geolocation) return;
  const say = row.querySelector<HTMLElement>("[role=status]")!;
  row.hidden = false;
  row.querySelector("button")?.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition((p) => {
      const rad = Math.PI / 180;
      const away = (li: HTMLElement): number => {
        if (!li.dataset.lon || !li.dataset.lat) return Infinity;
        const y = (Number(li.dataset.lat) - p.coords.latitude) * rad;
        const x = (Number(li.dataset.lon) - p.coords.longitude) * rad * Math.cos(p.coords.latitude * rad);
        return Math.hypot(x, y) * 6371;
      };
      const tasks = [...list.children] as HTMLElement[];
      tasks.sort((a, b) => away(a) - away(b));
      for (const li of tasks) {
        const km = away(li);
        const out = li.querySelector("[data-away]");
        if (out && km !== Infinity) out.textContent = km < 1 ? Math.round(km * 1000) + " m" : km.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 }) + " km";
        list.append(li);
      }
      say.textContent = say.dataset.nearDone ?? "";
    }, () => { say.textContent = say.dataset.nearNo ?? ""; });
  });
}

export function startDesk(): void {
  startBulk();
  startTemplates();
  startMask();
  startRedact();
  startKey();
  startNear();
}
