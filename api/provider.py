"""The pygeoapi provider of a layer; pygeoapi makes it from the collection entry, by dotted name."""

from typing import Any

from pygeoapi.provider.base import BaseProvider

from api.reading import readers
from layers.schema import field_schema


class LayerProvider(BaseProvider):
    """One layer's fields for pygeoapi's pages. Features go past it, as the database wrote them."""

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.reader = readers()[provider_def["level"]]
        self.layer = self.reader.layer(provider_def["data"])

    def get_fields(self) -> dict[str, Any]:
        """The fields that the level may see, as declared, with titles, units and code lists."""
        self._fields = {field.name: field_schema(field) for field in self.layer.fields}
        return self._fields
