// The page holds no script of its own: what it may run is limited to files of this service.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  // A token is gone with the page.
  persistAuthorization: false,
  // The description is sent to nobody for checking.
  validatorUrl: "none",
});
