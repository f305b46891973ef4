// The script of every page: theme, clock, the live stream, keyboard movement.
// Everything here is an addition; pages read and work without it.
import "htmx.org/dist/htmx.esm.js";
import { startLive } from "./live";
import { startKeys } from "./keys";
import { startClock } from "./clock";
import { startBoards } from "./boards";
import { startAlerts } from "./alerts";
import { startDesk } from "./desk";

startClock();
startKeys();
startLive();
startBoards();
startAlerts();
startDesk();

// A choice in a form marked so is a request by itself; without script the
// form's button does the same.
document.addEventListener("change", (e) => {
  const el = e.target as HTMLElement;
  if (el.closest("[data-submit]") && el instanceof HTMLSelectElement) el.form?.requestSubmit();
});

// The chosen tab is in view also where the row of tabs is longer than a phone.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Menus close when the reader looks elsewhere.
document.addEventListener("click", (e) => {
  for (const d of document.querySelectorAll<HTMLDetailsElement>("details.drop[open], details.menu[open]")) {
    if (!d.contains(e.target as Node)) d.open = false;
  }
});

// Ctrl+Enter in the filter text sends it.
document.addEventListener("keydown", (e) => {
  const el = e.target as HTMLElement;
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && el instanceof HTMLTextAreaElement) el.form?.requestSubmit();
});

// Questions before what cannot be undone.
document.addEventListener("submit", (e) => {
  const text = (e.submitter ?? (e.target as HTMLElement)).getAttribute("data-confirm");
  if (text && !window.confirm(text)) e.preventDefault();
});
