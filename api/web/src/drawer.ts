/** On a phone the layers lie in a drawer behind a button. */
import type { Frame } from "./frame";

/** Let the button open the drawer, and the cross, the veil and Escape close it. */
export function workDrawer({ openLayers, closeLayers, layers, veil }: Frame): void {
  const set = (open: boolean): void => {
    layers.classList.toggle("is-open", open);
    veil.hidden = !open;
    openLayers.setAttribute("aria-expanded", String(open));
    if (open) closeLayers.focus();
  };
  const close = (): void => {
    set(false);
    openLayers.focus();
  };
  openLayers.addEventListener("click", () => set(true));
  closeLayers.addEventListener("click", close);
  veil.addEventListener("click", close);
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !layers.classList.contains("is-open")) return;
    event.stopPropagation();
    close();
  };
  // Before anybody else hears it: one Escape closes one thing.
  window.addEventListener("keydown", escape, { capture: true });
}

export function closeDrawer({ layers, veil, openLayers }: Frame): void {
  layers.classList.remove("is-open");
  veil.hidden = true;
  openLayers.setAttribute("aria-expanded", "false");
}
