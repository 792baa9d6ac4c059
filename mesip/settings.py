"""Everything that differs between a laptop, the test run and the city's server."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent

Extent = tuple[float, float, float, float]


class Settings(BaseSettings):
    """The settings, each read from the environment variable ``MESIP_<NAME>`` or from ``.env``."""

    model_config = SettingsConfigDict(env_prefix="MESIP_", env_file=".env", frozen=True, extra="ignore")

    home: Path = Field(
        CHECKOUT / "var", description="Folder of all state: database, deliveries, caches, logs"
    )
    database_url: str | None = Field(None, description="Your own PostGIS; without it a private one is kept")
    deliveries: str | None = Field(
        None, description="Folder or fsspec address that keeps deliveries; else `deliveries` in the home"
    )
    log: Literal["text", "json"] = Field(
        "text", description="Form of the log on stderr: sentences where a person should act, or JSON lines"
    )
    city_name: str = Field("Poznań", description="Name of the city, as shown to people")
    teryt: str = Field("306401_1", description="TERYT code of the cadastral unit (jednostka ewidencyjna)")
    srid: int = Field(2177, description="EPSG code in which geometry is stored")
    extent: Annotated[Extent, NoDecode] = Field(
        (16.73, 52.29, 17.08, 52.51),
        description="West, south, east, north of the city in degrees; rows beyond it are guarded",
    )
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        ("pl", "en"), description="Languages of pages and labels; the first is the default"
    )
    reader_memory_mb: int = Field(
        2048, gt=0, description="Most memory, in MB, that reading one file may take"
    )
    reader_seconds: int = Field(
        3600, gt=0, description="Longest time, in seconds, that reading one file may take"
    )
    public_url: str | None = Field(
        None, description="Address people use to reach the API, if not the bound one"
    )
    rate_per_second: float = Field(
        100, ge=0, description="Requests per second that one address or key may make of one worker; 0: any"
    )
    rate_burst: int = Field(
        1000, ge=1, description="Requests that one address or key may make of one worker at once"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks of proxies whose word is taken for who asks (X-Forwarded-For)"
    )
    cache_mb: int = Field(
        4096,
        ge=1,
        description="Most disk, in MB, for exports and tiles that are kept; the least used go first",
    )
    answers_mb: int = Field(
        32, ge=0, description="Memory, in MB, in which each worker keeps the pages of features asked for last"
    )
    results_mb: int = Field(
        4096,
        ge=1,
        description="Most disk, in MB, for results of jobs, a quarter of it for one; the oldest go first",
    )
    results_hours: float = Field(24, gt=0, description="How long, in hours, a finished job is kept")
    base_map: str | None = Field(None, description="Raster tile address with {z}/{x}/{y} under the web map")
    base_map_credit: str = Field("", description="Attribution of the base map, shown on the map")

    @property
    def delivery_store(self) -> str:
        """The folder or address where deliveries are kept."""
        return self.deliveries or str(self.home / "deliveries")

    @field_validator("extent", "languages", "trusted_proxies", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",")) if value.strip() else ()

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()


@cache
def settings() -> Settings:
    """The settings of this process. Tests call ``settings.cache_clear()`` to reread."""
    return Settings()  # pyright: ignore[reportCallIssue] - every field has a default
