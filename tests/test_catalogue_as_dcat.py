"""The catalogue is DCAT-AP to those who know nothing of mesip: rdflib reads it."""

import pytest
from rdflib import DCAT, DCTERMS, FOAF, RDF, BNode, Graph, URIRef


@pytest.fixture(scope="module")
def graph(client):
    """The whole catalogue, as a reader of RDF understands it."""
    return Graph().parse(data=client.get("/collections/catalogue?f=jsonld").text, format="json-ld")


def test_a_reader_of_rdf_finds_what_dcat_ap_demands(client, graph, layer):
    """Mandatory and recommended properties of DCAT-AP 3.0.0, sections 4.3 to 4.7."""
    record = client.get(f"/collections/catalogue/items/{layer.name}").json()
    (whole,) = graph.subjects(RDF.type, DCAT.Catalog)
    one = URIRef(f"http://testserver/collections/{layer.name}")
    assert (whole, DCAT.dataset, one) in graph
    for subject in (whole, one):
        for wanted in (DCTERMS.title, DCTERMS.description):
            said = {each.language: str(each) for each in graph.objects(subject, wanted)}
            assert set(said) == {"pl", "en"}
            assert all(said.values())
        (publisher,) = graph.objects(subject, DCTERMS.publisher)
        assert (publisher, RDF.type, FOAF.Agent) in graph
        assert str(graph.value(publisher, FOAF.name))
    assert {str(each) for each in graph.objects(one, DCTERMS.title)} == set(layer.title.values())
    assert str(graph.value(graph.value(one, DCTERMS.publisher), FOAF.name)) == layer.owner
    assert graph.value(one, DCTERMS.modified).toPython().isoformat() == record["properties"]["stand"]
    distributed = set(graph.objects(one, DCAT.distribution))
    assert len(distributed) > 3
    for each in distributed:
        assert (each, RDF.type, DCAT.Distribution) in graph
        assert isinstance(graph.value(each, DCAT.accessURL), URIRef)
        assert not isinstance(graph.value(each, DCTERMS.license), BNode | None)


def test_every_address_that_dcat_names_leads_somewhere(client, graph, layer):
    one = URIRef(f"http://testserver/collections/{layer.name}")
    named = {str(graph.value(each, DCAT.accessURL)) for each in graph.objects(one, DCAT.distribution)}
    for address in named | {str(one), str(graph.value(one, DCAT.landingPage))}:
        assert client.head(address).status_code == 200, address
