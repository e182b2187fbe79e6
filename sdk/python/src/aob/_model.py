"""What the models of the API have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Model"]


class Model(BaseModel):
    """A value of the API. What a newer server says beyond what is known here is kept."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=())
