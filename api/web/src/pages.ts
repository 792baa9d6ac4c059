/** The pages of the API: their look, and the map of a page that has features. */
import "./css/pages.css";

const place = document.getElementById("page-map");
if (place) void import("./pages_map").then(({ drawPage }) => drawPage(place));
