// Keyboard movement in tables of records: j and k or the arrows move, Enter
// opens, / goes to the filter, ? shows the keys.
function typing(el: Element | null): boolean {
  return !!el?.closest("input, textarea, select, [contenteditable]");
}

export function startKeys(): void {
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || typing(document.activeElement)) return;
    const rows = [...document.querySelectorAll<HTMLElement>("[data-rows] > [data-href]")];
    const at = rows.indexOf(document.activeElement?.closest("[data-href]") as HTMLElement);
    const go = (i: number) => {
      const row = rows[Math.min(rows.length - 1, Math.max(0, i))];
      if (!row) return;
      e.preventDefault();
      row.tabIndex = -1;
      row.focus();
      row.scrollIntoView({ block: "nearest" });
    };
    switch (e.key) {
      case "j": go(at + 1); break;
      case "k": go(at < 0 ? 0 : at - 1); break;
      case "ArrowDown": if (at >= 0) go(at + 1); break;
      case "ArrowUp": if (at >= 0) go(at - 1); break;
      case "Enter":
        if (at >= 0 && document.activeElement === rows[at]) location.assign(rows[at].dataset.href!);
        break;
      case "/": {
        const box = document.querySelector<HTMLElement>("[data-search]");
        if (box) { e.preventDefault(); box.focus(); }
        break;
      }
      case "?": {
        const d = document.querySelector<HTMLDialogElement>("dialog[data-keys]");
        if (d) { e.preventDefault(); d.showModal(); }
        break;
      }
      case "n": follow("[rel=next]"); break;
      case "p": follow("[rel=prev]"); break;
    }
  });
  // A click on a row opens its record; links and selections keep their meaning.
  document.addEventListener("click", (e) => {
    const el = e.target as HTMLElement;
    if (el.closest("a, button, input, label, summary") || getSelection()?.toString()) return;
    const row = el.closest<HTMLElement>("[data-rows] > [data-href]");
    if (row) location.assign(row.dataset.href!);
  });
}

function follow(selector: string): void {
  document.querySelector<HTMLAnchorElement>("a" + selector)?.click();
}
