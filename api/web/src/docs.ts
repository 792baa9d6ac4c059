/** The API's documentation: Swagger UI over the OpenAPI document of the same server. */
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./css/font.css";
import "./css/docs.css";

SwaggerUI({
  url: "/openapi",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // The validator is a service on another host; this page asks nobody but its own server.
  validatorUrl: null,
});
