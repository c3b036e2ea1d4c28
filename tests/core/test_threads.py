from threadpoolctl import threadpool_info, threadpool_limits

from warmstart.core.threads import all_threads, one_thread


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_one_thread_inside_and_the_usual_ones_where_they_are_asked_back() -> None:
    with threadpool_limits(2, "blas"):
        usual = threads()
        with one_thread():
            assert threads() == {1}
            with all_threads():
                assert threads() == usual
                with one_thread(), all_threads():
                    assert threads() == usual
            assert threads() == {1}
        assert threads() == usual


def test_all_threads_alone_changes_nothing() -> None:
    before = threads()
    with all_threads():
        assert threads() == before
