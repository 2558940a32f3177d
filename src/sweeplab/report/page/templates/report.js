const inflate = async (name) => {
  const bytes = Uint8Array.from(atob(BUNDLE[name]), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
};

// The tables are complete without any of this; it adds sorting, filtering and pages.
const enhance = async () => {
  const style = document.createElement("style");
  style.textContent = await inflate("css");
  document.head.prepend(style);
  const source = new Blob([await inflate("js")], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const { default: DataTable, set_or_remove_dark_class: followTheme } = await import(url);
  URL.revokeObjectURL(url);
  followTheme();
  for (const table of document.querySelectorAll("table.sortable")) {
    new DataTable(table, {
      order: [],
      pageLength: 25,
      lengthMenu: [10, 25, 100, { label: "all", value: -1 }],
      autoWidth: false,
      layout: {
        topStart: { search: { placeholder: "words to filter by" } },
        topEnd: { buttons: [{ extend: "searchBuilder", text: "Filter by conditions" }] },
        bottomStart: ["info", "pageLength"],
        bottomEnd: "paging",
      },
      language: { search: "Filter ", searchBuilder: { button: { 0: "Filter by conditions", _: "Conditions (%d)" } } },
    });
  }
  document.documentElement.dataset.tables = "ready";
};

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

enhance();
