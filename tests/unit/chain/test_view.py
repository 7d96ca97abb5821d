"""The chain as other threads read it."""

from threading import Event, Thread

from quip.chain.view import ChainReader
from sim.honest.chain_generator import ForkPlan
from support.chains import generator, grown, new_chain
from support.stores import history

NOW = 1 << 40


def test_reads_what_is_stored() -> None:
    made = grown(5)
    view = ChainReader(made.chain)
    assert view.spec is made.chain.spec
    assert view.head == made.chain.head
    assert view.genesis_hash == view.canonical(0)
    block_hash = view.canonical(3)
    assert block_hash is not None
    block = view.block(block_hash)
    assert block is not None
    assert block.header == view.header(block_hash)
    assert block.context == view.context(block_hash)
    assert block.header.number == 3
    assert view.canonical(6) is None
    assert (view.header(bytes(32)), view.context(bytes(32)), view.block(bytes(32))) == (None, None, None)


def test_fork_points() -> None:
    made = grown(6, miners=3)
    side = [accepted.hash for accepted in made.fork(ForkPlan(every=1, depth=4))]
    view = ChainReader(made.chain)
    assert [view.fork_number(block_hash) for block_hash in side] == [2] * len(side)
    assert view.fork_number(view.head.hash) == 6
    assert view.fork_number(view.genesis_hash) == 0
    assert view.fork_number(bytes(32)) is None
    for _ in made.fork(ForkPlan(every=1, depth=4, overtake=True)):
        pass
    assert view.fork_number(side[0]) == 2


def test_invalid_hashes() -> None:
    chain = new_chain()
    view = ChainReader(chain)
    block = generator(chain).block(chain.head)
    assert not view.is_invalid(block.header.hash)
    chain._invalid[block.header.hash] = None
    assert view.is_invalid(block.header.hash)


def test_a_reader_beside_the_writer_sees_whole_commits() -> None:
    """While batches are imported the head of any moment is stored, with every block below it."""
    chain = new_chain()
    view = ChainReader(chain)
    done, seen = Event(), set[int]()
    broken: list[str] = []

    def read() -> None:
        while not done.is_set():
            head = view.head
            seen.add(head.header.number)
            if view.block(head.hash) is None or view.fork_number(head.hash) is None:
                broken.append(f"head {head.header.number} is not there")

    reader = Thread(target=read)
    reader.start()
    blocks = history().blocks
    for start in range(0, len(blocks), 10):
        chain.accept_many(blocks[start : start + 10], NOW)
    done.set()
    reader.join()
    assert broken == []
    assert seen
