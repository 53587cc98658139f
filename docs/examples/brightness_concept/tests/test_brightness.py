import interpret_inn as inn
from interpret_inn.testing import check_concept_source, toy_images


def test_it_keeps_the_contract():
    images, _ = toy_images(200)
    check_concept_source(inn.concept_source("brightness", data=images))
