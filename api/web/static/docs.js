// The page of the API: Swagger UI over our own description.
// It puts a link into each operation's button: one focus too many for keyboards and readers aloud.
const swagger = document.getElementById("swagger");
new MutationObserver(() => {
  for (const link of swagger.querySelectorAll("button a[href]")) link.removeAttribute("href");
}).observe(swagger, { childList: true, subtree: true });

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
