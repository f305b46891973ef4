// Boards, their editor and the wall.

const htmx = (): any => (window as any).htmx;

// A fault of the editor leads to its line.
function startEditor(): void {
  document.addEventListener("click", (e) => {
    const a = (e.target as HTMLElement).closest<HTMLAnchorElement>("a[data-line]");
    const box = document.querySelector<HTMLTextAreaElement>("#board-text");
    if (!a || !box) return;
    e.preventDefault();
    const lines = box.value.split("\n");
    const line = Math.min(Number(a.dataset.line), lines.length);
    let at = 0;
    for (let i = 0; i < line - 1; i++) at += lines[i].length + 1;
    box.focus();
    box.setSelectionRange(at + Math.max(0, Number(a.dataset.column) - 1), at + lines[line - 1].length);
    box.scrollTop = (line - 5) * (box.scrollHeight / lines.length);
  });
  // The tab key indents; Escape first lets it leave the box.
  document.addEventListener("keydown", (e) => {
    const box = e.target as HTMLTextAreaElement;
    if (box.id !== "board-text") return;
    if (e.key === "Escape") { box.dataset.leave = "1"; return; }
    if (e.key === "Tab" && !e.shiftKey && !box.dataset.leave) {
      e.preventDefault();
      box.setRangeText("  ", box.selectionStart, box.selectionEnd, "end");
      box.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (e.key !== "Tab") delete box.dataset.leave;
  });
}

// Key t opens and closes the tables of figures behind the charts.
function startTables(): void {
  document.addEventListener("keydown", (e) => {
    if (e.key !== "t" || e.ctrlKey || e.metaKey || e.altKey || (document.activeElement as HTMLElement | null)?.closest("input, textarea, select")) return;
    const near = document.activeElement?.closest(".btile");
    const all = [...(near ?? document).querySelectorAll<HTMLDetailsElement>("details.tbl")];
    const open = !all.some((d) => d.open);
    for (const d of near ? all : all.slice(0, 1)) d.open = open;
    if (open) all[0]?.querySelector("summary")?.focus();
  });
}

// The wall goes on to its next screen while it is calm and the line is up.
function startWall(): void {
  if (!document.querySelector("#wall")) return;
  let shown = Date.now();
  setInterval(() => {
    const wall = document.querySelector<HTMLElement>("#wall");
    if (!wall || wall.dataset.wallCalm !== "true" || document.documentElement.dataset.live !== "on") { shown = Date.now(); return; }
    if (Date.now() - shown < Number(wall.dataset.wallSeconds) * 1000) return;
    shown = Date.now();
    const next = new URL(wall.dataset.wallNext!, location.href);
    if (next.href === location.href) return;
    history.replaceState(null, "", next);
    next.searchParams.set("fragment", "wall");
    htmx()?.ajax("GET", next.pathname + next.search, { target: "#wall", swap: "outerHTML" });
  }, 1000);
}

export function startBoards(): void {
  startEditor();
  startTables();
  startWall();
}
