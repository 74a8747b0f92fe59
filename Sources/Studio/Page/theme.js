// Light, dark, or as the system says.
import { announce } from "./dom.js";

const choices = ["system", "light", "dark"];
const names = { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

function chosen() {
  const value = localStorage.getItem("theme");
  return choices.includes(value) ? value : "system";
}

function apply() {
  const choice = chosen();
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  const control = document.getElementById("theme-button");
  control.textContent = { system: "Theme: auto", light: "Theme: light", dark: "Theme: dark" }[choice];
  control.setAttribute("aria-label", `${names[choice]}. Press for the next.`);
}

/** Goes to the next theme. */
export function nextTheme() {
  localStorage.setItem("theme", choices[(choices.indexOf(chosen()) + 1) % choices.length]);
  apply();
  announce(names[chosen()]);
}

/** Shows the theme chosen last, and lets the switch choose. */
export function startTheme() {
  document.getElementById("theme-button").addEventListener("click", nextTheme);
  apply();
}
