"""The pygeoapi provider of a layer; pygeoapi makes it from the collection entry, by dotted name."""

from typing import Any

import orjson
from pygeoapi.provider.base import BaseProvider, ProviderItemNotFoundError

from api.features import item
from api.reading import readers
from layers.collection import CRS84
from layers.schema import field_schema
from mesip.settings import settings


class LayerProvider(BaseProvider):
    """One layer's features for pygeoapi's pages. GeoJSON goes past it, as the database wrote it."""

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.reader = readers()[provider_def["level"]]
        self.layer = self.reader.layer(provider_def["data"])

    def get_fields(self) -> dict[str, Any]:
        """The fields that the level may see, as declared, with titles, units and code lists."""
        self._fields = {field.name: field_schema(field) for field in self.layer.fields}
        return self._fields

    def get(self, identifier: str, **_: Any) -> dict[str, Any]:
        """One feature, longitude first.

        Raises:
            ProviderItemNotFoundError: there is none of this key.
        """
        found = item(self.reader, self.layer, identifier, CRS84, settings().srid)
        if found is None:
            raise ProviderItemNotFoundError(f"{self.layer.name} has no feature {identifier}")
        return orjson.loads(found)
