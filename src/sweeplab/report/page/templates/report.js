import { explore } from "explorer";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const text = button.previousElementSibling.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    document.execCommand("copy");
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "copy"; }, 1500);
});

// What is folded away on a screen is wanted on paper.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});

try {
  for (const host of document.querySelectorAll(".explore")) await explore(host);
} catch (error) {
  // The figures and tables of the page show the same without it.
  document.documentElement.classList.remove("js");
  throw error;
} finally {
  document.documentElement.dataset.ready = "yes";
}
