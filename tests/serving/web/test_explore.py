"""The collection as a whole in the page: map, topics, near-duplicates, and how the model reads."""

from tests.serving.web.steps import expect, has_no_sideways_scroll, search


def test_the_map_shows_every_passage_marks_hits_and_opens_them(visit, library, watched):
    points = library["office"].collection.map(color="folder").points
    page = visit("?tab=explore&collection=office")
    canvas = page.get_by_role("application", name=f"Map of {len(points)} passages")
    expect(canvas).to_have_attribute("data-points", str(len(points)))
    expect(page.locator("#map-status")).to_contain_text(f"{len(points)} passages, PCA")
    page.get_by_label("Color by").select_option("folder")
    legend = page.get_by_role("list", name="Legend")
    expect(legend.get_by_role("listitem")).to_have_count(3)
    counts = {name: sum(p.group == name for p in points) for name in ("/", "part0", "part1")}
    for name, count in counts.items():
        expect(legend.get_by_role("button", name=f"{name} {count}", exact=True)).to_be_visible()
    legend.get_by_role("button").first.click()
    expect(legend.get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    # A search marks its hits; the best one is described.
    page.get_by_label("Results").select_option("5")
    page.locator("#query").fill("plum quince medlar")
    expect(page.locator("#map-status")).to_contain_text(f"5 passages of {len(points)} marked")
    expect(page.locator("#map-passage .place")).to_contain_text("fruit.csv")
    # The keyboard moves to another point, and opens it.
    described = page.locator("#map-passage").inner_text()
    canvas.focus()
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator("#map-passage .place")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#preview-text")).to_be_visible()
    page.keyboard.press("Escape")
    expect(canvas).to_be_focused()
    # The mouse finds the point that is marked by the ring, and a click opens it.
    page.get_by_role("button", name="Show all").click()
    ring = page.locator(".ring").bounding_box()
    page.mouse.move(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#preview-text")).to_be_visible()
    assert described and "doc=" in page.url
    names = [address.rpartition("/web/")[2] for address in watched.addresses]
    assert "explore/scatter.js" in names and "explore/duplicates.js" not in names


def test_a_view_that_answers_late_does_not_replace_another(visit):
    page = visit("?view=topics&collection=office")
    waiting = []
    page.route("**/v1/topics*", lambda route: waiting.append(route))  # noqa: PLW0108
    with page.expect_request("**/v1/topics*"):
        page.get_by_role("tab", name="Explore").click()
    page.get_by_role("button", name="Duplicates").click()
    bound = page.get_by_label("Minimum cosine")
    expect(bound).to_be_visible()
    with page.expect_response("**/v1/topics*"):
        waiting[0].continue_()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    bound.fill("0.9")  # a query that is typed meanwhile does not compare again
    page.locator("#query").fill("plum")
    page.wait_for_url("**q=plum*")
    expect(bound).to_have_value("0.9")
    expect(page.get_by_role("button", name="Find topics")).to_have_count(0)


def test_topics_filter_a_search_and_a_thumb_is_stored(visit, library):
    collection = library["office"].collection
    page = visit(
        "?tab=explore&view=topics&collection=office", viewport={"width": 375, "height": 667}
    )
    page.get_by_role("button", name="Find topics").click()
    expect(page.get_by_role("button", name="Update topics")).to_be_visible()
    topic, *_ = stored = collection.stored_topics().topics
    assert page.locator(".topics .open").all_inner_texts() == [each.name for each in stored]
    assert has_no_sideways_scroll(page)
    page.get_by_role("button", name="Map").click()
    legend = page.get_by_role("list", name="Legend")
    expect(legend.get_by_role("button").first).to_have_text(f"{topic.name} {topic.passages}")
    page.get_by_role("button", name="Topics", exact=True).click()
    page.get_by_role("button", name=topic.name, exact=True).click()
    expect(page.get_by_label("Filter")).to_have_value(f'topic = "{topic.name}"')
    search(page, "tea")
    expect(page.locator("#hits .hit")).to_have_count(min(10, topic.passages))
    thumb = page.get_by_role("button", name="Relevant", exact=True).first
    thumb.click()
    expect(thumb).to_have_attribute("aria-pressed", "true")
    (judgement,) = collection.judgements("tea")
    assert judgement.relevant
    page.reload()
    expect(page.locator("[data-relevant=true][aria-pressed=true]")).to_have_count(1)
    page.get_by_role("button", name="Not relevant").first.click()
    expect(page.locator("[data-relevant=false][aria-pressed=true]")).to_have_count(1)
    assert [each.relevant for each in collection.judgements("tea")] == [False]
    page.locator("[data-relevant=false][aria-pressed=true]").click()
    expect(page.locator(".thumbs [aria-pressed=true]")).to_have_count(0)
    assert collection.judgements("tea") == []


def test_duplicates_show_what_differs_and_another_model_is_said_not_to_be_explained(visit):
    page = visit("?tab=explore&view=duplicates&collection=office")
    page.get_by_label("Minimum cosine").fill("0.6")
    page.keyboard.press("Tab")
    group = page.get_by_role("list", name="Groups of near-duplicates").locator(":scope > li").first
    expect(group.locator("del").first).to_be_visible()
    expect(group.locator(".badge").first).to_have_text("numbers differ")
    group.locator(".open").first.click()
    expect(page.locator("#preview")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Explain").click()
    page.get_by_role("textbox", name="Text").fill("the bank of the river")
    page.get_by_role("button", name="Explain").nth(1).click()
    expect(page.locator("#explore .status")).to_contain_text("cannot be looked into")
