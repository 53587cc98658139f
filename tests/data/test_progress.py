from interpret_inn.data.process import progress, silent


def test_bars_count_and_are_silent_without_a_terminal(capsys):
    bar = progress(3, "counting")
    bar.update(2)
    bar.close()
    assert list(progress(iter("ab"), "going through", total=2)) == ["a", "b"]
    none = silent(3, "counting")
    none.update(1)
    none.close()
    assert capsys.readouterr() == ("", "")
