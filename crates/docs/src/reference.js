// Opens the reference of the Portico that serves this page; asks no other host for anything.
addEventListener("load", async () => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", colour);
  colour();
  const spec = await (await fetch("/openapi.json")).json();
  emptyFilters(spec);
  SwaggerUIBundle({
    spec,
    dom_id: "#docs",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    showExtensions: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});

// "Try it out" fills a form with examples: right for what is required, but a filter that nobody chose finds nothing.
function emptyFilters(spec) {
  const shared = Object.values(spec.components.parameters ?? {});
  const own = Object.values(spec.paths).flatMap((item) => Object.values(item)).flatMap((call) => call.parameters ?? []);
  for (const parameter of [...shared, ...own]) {
    if (parameter.required || parameter.$ref) continue;
    delete parameter.example;
    delete parameter.examples;
    delete parameter.schema?.example;
    delete parameter.schema?.examples;
    delete parameter.schema?.default;
  }
}
