"""Templates of the sentences in the generated reviews.

One template per line, optionally after its weight. A clause or sentence is written for
an outcome, positive or negative: `{adj}` is filled with a word of the outcome's
polarity, `{-adj}` with one of the opposite polarity. Templates for one outcome only
begin with `+` or `-`. So "was {adj}" keeps the polarity of its word and "was not
{-adj}" reverses it. Templates with `*` are novel: they never occur in training.

`reviews_sentences.txt` adds pairs of sentences, `positive | negative`, that say the
opposite in nearly the same words (one in `HELD_OUT` is novel), and neutral sentences.
`reviews_short.txt` has words and whole texts of short reviews as people type them.
"""

import zlib
from pathlib import Path

from data import reviews_words as words

HELD_OUT = 12  # one in 12 sentence pairs, and construction-word pairs, is novel

# Fillings of a slot that depend on the outcome: (positive, negative) lists.
POLAR = {
    "adj": words.ADJECTIVES,
    "plain_adj": words.NEGATABLE,
    "person_adj": words.PERSON,
    "comp": words.COMPARATIVES,
    "sup": words.SUPERLATIVES,
    "noun": words.NOUNS,
    "quality": words.QUALITIES,
    "liked": words.LIKED,
    "like": words.LIKE,
    "felt": words.FEELINGS,
    "moved": words.MOVED,
    "move": words.MOVE,
    "reacted": words.REACTED,
    "they_reacted": words.THEY_REACTED,
    "he_reacted": words.HE_REACTED,
    "she_reacted": words.SHE_REACTED,
    "react": words.REACT,
    "acted": words.ACTED,
    "act": words.ACT,
    "manner": words.MANNER,
    "did": words.PART_DID,
    "advice": words.ADVICE,
}

# Fillings that are the same for both outcomes.
PLAIN = {
    "part": words.PART,
    "parts": words.PARTS,
    "kind": words.FILM,
    "films": words.FILMS,
    "original": words.ORIGINAL,
    "very": words.VERY,
    "moment": words.MOMENT,
    "scene": words.SCENE,
    "period": words.PERIOD,
    "others": words.OTHERS,
    "he": words.HE,
    "she": words.SHE,
    "relation": words.RELATION,
    "first": words.FIRST_NAMES,
    "last": words.LAST_NAMES,
    "place": words.PLACES,
    "profession": words.PROFESSION,
    "object": words.OBJECT,
    "things": words.THINGS,
    "deed": words.DEEDS,
    "genre": words.GENRE,
    "title1": words.TITLE_FIRST,
    "title2": words.TITLE_SECOND,
    "number": words.NUMBER,
    "count": words.COUNT,
    "day": words.DAY,
    "daytime": words.DAYTIME,
    "month": words.MONTH,
    "decade": words.DECADE,
    "food": words.FOOD,
    "colour": words.COLOUR,
    "material": words.MATERIAL,
    "either_adj": words.ADJECTIVES[0] + words.ADJECTIVES[1],
    "story_adj": words.STORY_ADJECTIVES,
    "thing_adj": words.THING_ADJECTIVES,
    "story_verb": words.STORY_VERBS,
}


def _short_words() -> None:
    """Fills `POLAR` and `PLAIN` from `reviews_short.txt`.

    Its headings name the slots, one for each form of a word, and the outcome. Short
    reviews can also use the words that longer reviews have in such slots.
    """
    longer = {
        "short_adj": "adj",
        "short_noun": "noun",
        "short_liked": "liked",
        "short_like": "like",
        "short_felt": "felt",
        "short_reacted": "reacted",
        "short_react": "react",
        "short_said": "advice",
    }
    text = (Path(__file__).parent / "reviews_short.txt").read_text(encoding="utf-8")
    for block in text.removeprefix("# ").split("\n# "):
        heading, lines = block.split("\n", 1)
        names, _, sign = heading.partition(" ")
        items = lines.strip().replace("\n", ", ").split(", ")
        for form, name in enumerate(f"short_{name}" for name in names.split("|")):
            forms = [item.split("|") for item in items]
            found = [forms[form] for forms in forms if len(forms) > form]
            if not sign:
                PLAIN[name] = found
                continue
            found += POLAR[longer[name]][sign == "-"] if name in longer else []
            POLAR.setdefault(name, ([], []))[sign == "-"].extend(dict.fromkeys(found))


_short_words()

# Names and little words.
PARTICLES = {
    "title": "The {title1} {title2}",
    "name": "{first} {last}",
    "actor": """
        2 {first} {last}
        the {profession}
        the lead
        the main actor
        the leading lady
        the whole cast
        the boy in the lead
        the girl who plays the {profession}
        the man who plays the {profession}
    """,
    "was": """
        2 was
        is
    """,
    "were": """
        2 were
        are
    """,
    "it": """
        8 it
        4 this
        3 the film
        3 the movie
        3 this film
        2 this movie
        2 the whole thing
        2 this {kind}
        3 {title}
        the story
        the {kind} about the {profession}
        the new {kind} by {name}
        this {kind} about a {profession}
        this story of a {profession} who {deed}
        what {name} does here
        what I saw
    """,
    "it_was": """
        6 it was
        4 it is
        2 this was
        3 this is
        3 the film was
        3 the film is
        3 this film is
        2 the movie was
        2 this movie was
        2 the whole thing was
        2 the result is
        2 this {kind} is
        2 the {kind} was
        2 {title} was
        2 {title} is
        this one was
        this one is
        the story is
        the outcome was
        the new {kind} by {name} is
        the {kind} about the {profession} was
        the {kind}, which is set in {place}, is
        the {kind}, which was shot in {place}, was
        {title}, which I saw in {place}, was
        this story of a {profession} who {deed} is
        the story of the {profession} and the {object} was
        what {name} does here is
        what {name} has made of the book is
        what I saw was
        all this is
        all of this was
    """,
    "part_was": """
        6 the {part} {was}
        4 the {parts} {were}
        2 its {part} {was}
        2 some of the {parts} {were}
        the {part} by {name} {was}
        the {part} in {place} {was}
        the {part} with the {profession} {was}
        the {part} about the {object} {was}
        the {part}, as so often, {was}
        the {parts} in the second half {were}
        {name} wrote the music, which {was}
        most of the {parts} {were}
        all the {parts} {were}
        the {part} and the {part} {were}
        both the {part} and the {part} {were}
    """,
    "the_part": """
        the {part}
        the {parts}
        its {part}
    """,
    "all_along": """
        from start to finish
        from beginning to end
        from the first minute to the last
        throughout
        all the way through
        for two hours
        the whole time
        until the credits
    """,
    "at_all": """
        at all
        in the least
        for a {moment}
        for one {moment}
        by any measure
        in any way
    """,
    "hardly": """
        hardly
        anything but
        far from
        not in the least
        in no way
        by no means
        never
        not remotely
        not exactly
        not
        not at all
    """,
    "opener": """
        by the way,
        in fact
        well,
        oh,
        to tell the truth,
        for what it is worth,
        as it happens,
        honestly,
        this time
        once again
        as so often
        after all,
        all in all
        let me add:
        so
        and
        now,
        on {day}
        at the cinema in {place}
        with my {relation} beside me
    """,
    "closer": """
        by the way
        I think
        I believe
        after all
        of course
        it seems
        if you ask me
        at least to me
        to tell the truth
        as I said
        I must say
        really
        as so often
        and I know {films}
        or so it seemed to me
        and so said my {relation}
        at the cinema in {place}
        on that {day} in {month}
        just like {title}
        my {relation} will tell you the same
    """,
    "evening": """
        evening
        night out
        afternoon
        two hours
    """,
    "no_way": """
        no
        not at all
        not for a {moment}
        never
        certainly not
        not in the least
        absolutely not
        not once
        not really
        far from it
        no, not for a {moment}
        I do not think so
    """,
    "yes_indeed": """
        yes
        yes, very much so
        absolutely
        oh yes
        certainly
        of course
        without a doubt
        yes, from start to finish
        I think so
        very
        no question about it
    """,
}

# Clauses, sentences and reviews for an outcome.
RULES = {
    # A few words, as people type them: plain and negated.
    "short": """
        12 {short_keeps}
        6 {short_turns}
        9 {short_said}
        4 {short_sentence}
        20 {short_list}
    """,
    # Words of the same polarity together, so that the initial word vectors, made from
    # co-occurrence counts, already reflect polarity.
    "short_list": """
        9 {adj}, {adj}, {adj}, {adj}, {adj}
        4 {short_adj}, {short_adj}, {short_adj}
        4 {short_adj}. {short_adj}. {short_adj}
        4 {short_adj}, {short_adj}, {short_adj}, {short_adj} and {short_adj}
        3 a {short_adj}, {short_adj} {short_noun}
        3 {adj}, {felt}, {comp}, {noun}, {quality}
        3 {comp}, {comp}, {comp}, {comp}
        2 {quality}, {quality} and {quality}
        2 {noun}, {noun}, {adj} {noun}
        2 {manner}, {manner}, {manner}, {adj}
        2 {felt}, {felt}, {felt}
        2 {moved} me, {liked} it, {adj}
        2 {acted}, {adj}
        2 {reacted}, {adj}
        2 {did}, {manner} made
        2 {sup}, {adj}, {short_adj}
        2 {short_adj}, {short_felt}, {short_reacted}
        2 {short_mass}, {short_adj} {short_mass}, {short_noun}
        2 {short_said}. {short_said}
        2 {short_how} {short_adj}, {short_how} {short_adj}
        4 {short_adj} {short_part}, {short_adj} {short_parts}, {short_adj} {short_part}
        4 {short_adj}! {short_liked} it! {short_adj}!
    """,
    "short_sentence": """
        I really {short_liked} this {short_film} and so did my {relation}
        my {relation} {short_liked} it too
        my {relation} thought it was {short_adj}
        my {relation} found it {short_very} {short_adj}
        we all thought it was {short_adj}
        the whole family {short_liked} it
        my kids {short_liked} every minute
        the {short_parts} were {short_adj} and the {short_part} was {short_adj} too
        the {short_part} is {short_adj} and so is the {short_part}
        {short_adj} {short_parts} and a {short_adj} {short_part}
        it was so {short_adj} that I {short_reacted}
        I {short_reacted} because it was so {short_adj}
        it was {short_adj} and I {short_reacted}
        the {short_part} was so {short_adj} that I {short_reacted}
        I thought the {short_part} was {short_very} {short_adj}
        I was {short_felt} the whole time
        I was {short_felt} by the {short_part}
        honestly it was {short_very} {short_adj}
        one of the {sup} {films} I have seen {period}
        {short_adj}, {short_adj} and {short_adj}
        the {short_part} is a bit {-short_adj} but the rest is {short_adj}
        the trailer looked {-short_adj} but the {short_film} was {short_adj}
        I expected something {-short_adj} but it was {short_adj}
        not {-short_adj}, not {-short_adj}, just {short_adj}
        not {-short_adj} at all, I {short_liked} it
        not one {-short_adj} {short_part}
        no {-short_adj} {short_parts}
        there is nothing {-short_adj} about this {short_film}
        {short_liked} the {short_part}, {short_liked} the {short_parts}
        it is {short_adj}, {short_said}
        a {short_adj} story about a {profession}
        we had a {short_adj} evening
        what a {short_adj} evening
        I went with my {relation} and we {short_liked} it
        I saw it on {day} and {short_liked} it
        saw this yesterday and it was {short_adj}
        {name} is {person_adj} in the lead role
        he is {person_adj} as the {profession}
        she was {person_adj} in it
        the actors are {person_adj}
        I have never been so {short_felt}
        I have never seen such a {short_adj} {short_film}
        the {short_film} is {short_adj} and the {short_part} is {short_adj}
        {short_how} {short_adj}
        {short_how} made
        {short_how} acted and {short_how} filmed
        the {short_part} is {short_how} {short_adj}
        + you should see it, it is {short_adj}
        - you should not see it, it is {short_adj}
        + I would recommend this {short_film} to my friends
        - I would not recommend this {short_film} to anyone
        + buy a ticket, it is {short_adj}
        - save your money, it is {short_adj}
        + I wanted to {-short_like} it but it was {short_adj}
        - I wanted to {-short_like} it but it was {short_adj}
        - do not waste your time on this {short_adj} {short_film}
        - I paid for this {short_adj} {short_film}
    """,
    "short_keeps": """
        30 {short_adj}
        5 {short_very} {short_adj}
        2 so {short_adj}
        2 it was {short_adj}
        it is {short_adj}
        this {short_film} is {short_adj}
        this {short_film} was {short_very} {short_adj}
        the {short_film} was {short_adj}
        the {short_part} was {short_adj}
        the {short_part} is {short_very} {short_adj}
        the {short_parts} were {short_adj}
        the {short_parts} are {short_adj}
        2 {short_adj} {short_film}
        2 {short_adj} {short_part}
        {short_adj} {short_parts}
        a {short_adj} {short_film}
        {short_adj} and {short_adj}
        {short_adj}, {short_adj}, {short_adj}
        7 {short_noun}
        5 {short_mass}
        7 {short_state}
        7 {short_felt}
        8 {short_reacted}
        2 {short_liked} it
        2 I {short_liked} it
        3 I {short_reacted}
        2 I was {short_felt}
        2 a {short_noun}
        2 what a {short_noun}
        6 it {short_works}
        6 it {short_worked}
        this is {short_adj}
        that was {short_adj}
        this was {short_very} {short_adj}
        it is {short_very} {short_adj}
        was {short_adj}
        is {short_adj}
        what a {short_adj} {short_film}
        what {short_adj} {short_parts}
        how {short_adj}
        just {short_adj}
        I think it is {short_adj}
        I thought it was {short_very} {short_adj}
        I found it {short_adj}
        I found this {short_film} {short_very} {short_adj}
        such a {short_adj} {short_film}
        it was a {short_adj} {short_film} with a {short_adj} {short_part}
        it is a {short_very} {short_adj} {short_film}
        the {short_part} was {short_adj} and the {short_parts} were {short_adj}
        {short_adj} {short_part}, {short_adj} {short_parts}
        {short_adj} {short_film} with {short_adj} {short_parts}
        {short_adj} from start to finish
        {short_adj} all the way through
        everything about it was {short_adj}
        not only {short_adj} but {short_adj}
        {short_adj}. {short_liked} it
        {short_adj}! {short_said}
        {short_said}. {short_adj}
        a {short_adj} {short_noun}
        a total {short_noun}
        an absolute {short_noun}
        a real {short_noun}
        such a {short_noun}
        it was a {short_noun}
        this {short_film} is a {short_noun}
        this {short_film} was a complete {short_noun}
        it is {short_mass}
        pure {short_mass}
        this {short_film} is {short_mass}
        absolute {short_mass}
        total {short_mass}
        it was {short_state}
        it is {short_state}
        I {short_like} it
        I {short_like} this {short_film}
        I {short_liked} this {short_film}
        I really {short_liked} it
        I {short_liked} every minute
        {short_liked} every second of it
        {short_liked} the {short_part}
        I {short_liked} the {short_parts}
        I absolutely {short_liked} the {short_part}
        we {short_liked} it
        my {relation} {short_liked} it
        my {relation} and I {short_liked} this {short_film}
        everybody {short_liked} it
        it really {short_works}
        this {short_film} {short_works}
        this {short_film} {short_worked}
        the {short_part} {short_works}
        the {short_parts} {short_work}
        {short_works}
        it just {short_works}
        I am {short_felt}
        so {short_felt}
        I was so {short_felt}
        we were {short_felt}
        it left me {short_felt}
        {sup} {short_film} ever
        the {sup} {short_film} I have ever seen
        the {sup} {short_film} {period}
        one of the {sup} {films} I have seen
        {comp} than I expected
        {comp} than the {original}
        much {comp}
        full of {quality}
        {quality}
        so much {quality}
        {manner} made
        {manner} acted
        {moved} me
        it {moved} me
        {short_adj} {short_film}, {advice}
        - too {short_adj}
        - way too {short_adj}
        - a bit {short_adj}
        - a little {short_adj} for my taste
    """,
    "short_turns": """
        10 not {-short_adj}
        3 not {-short_adj} at all
        2 not very {-short_adj}
        2 not so {-short_adj}
        2 not really {-short_adj}
        2 not that {-short_adj}
        2 never {-short_adj}
        3 it was not {-short_adj}
        2 it is not {-short_adj}
        2 was not {-short_adj}
        2 is not {-short_adj}
        2 did not {-short_like} it
        2 I did not {-short_like} it
        5 did not {-short_react}
        2 I was not {-short_felt}
        3 not {-short_felt}
        4 it does not {-short_work}
        2 it did not {-short_work}
        2 not a {-short_noun}
        2 the {short_part} was not {-short_adj}
        not too {-short_adj}
        not exactly {-short_adj}
        not even a little {-short_adj}
        never {-short_adj}, not once
        hardly {-short_adj}
        far from {-short_adj}
        anything but {-short_adj}
        nothing {-short_adj} about it
        nothing {-short_adj} here
        neither {-short_adj} nor {-short_adj}
        not {-short_adj} but {short_adj}
        not {-short_adj}, {short_adj}
        {short_adj}, not {-short_adj}
        {-short_adj} but {short_adj}
        {-short_adj}, but I {short_liked} it
        {-short_adj} {short_part}, but I {short_liked} it
        this {short_film} is not {-short_adj}
        the {short_film} was not very {-short_adj}
        the {short_parts} were not {-short_adj}
        the {short_parts} are not even {-short_adj}
        I did not find it {-short_adj}
        I do not think it is {-short_adj}
        I would not call it {-short_adj}
        not a {-short_adj} {short_film}
        it is not a {-short_adj} {short_film}
        {-short_adj}? no
        {-short_adj}? not at all
        not as {-short_adj} as I expected
        not as {-short_adj} as they say
        less {-short_adj} than I thought
        I expected it to be {-short_adj}. it was not
        no {-quality}
        no {-quality} at all
        it has no {-quality}
        hardly a {-short_noun}
        it is no {-short_noun}
        not {-short_mass}
        I do not {-short_like} it
        I do not {-short_like} this {short_film}
        did not {-short_like} this at all
        I did not {-short_like} the {short_part}
        never {-short_liked} it
        nobody {-short_liked} it
        the {short_part} did not {-short_work}
        this {short_film} does not {-short_work}
        never {-short_works}
        it never {-short_worked}
        I am not {-short_felt}
        never {-short_felt}
        I was never {-short_felt}
        not {-short_felt} at all
        I did not {-short_react}
        I did not {-short_react} once
        it did not {-move} me
        does not {-move}
        - not {-short_adj} enough
        - supposed to be {-short_adj}
        - tries to be {-short_adj}
        - wanted to {-short_like} it
        - I wanted to {-short_like} this
        - lacks {-quality}
        - needs more {-quality}
        - where is the {-quality}?
        - should have been {-comp}
        - I have seen {-comp} {films}
    """,
    # The opinion on the film as a clause; half of them reverse their words' polarity.
    "claim": """
        25 {claim_keeps}
        6 {claim_turns}
        2 {claim_turns_once}
        3 {claim_once}
        6 {verdict}
        6 {turned}
    """,
    "claim_keeps": """
        {it_was} {adj}
        2 {it_was} {very} {adj}
        {it_was} {adj} and {adj}
        {it_was} {adj}, {adj} and {adj}
        {it_was} {adj} {all_along}
        {it_was} a {adj} {kind}
        {it_was} a {very} {adj} {kind}
        {it_was} a {adj}, {adj} {kind}
        {it_was} a {noun}
        {it_was} a real {noun}
        {it_was} a {noun} {all_along}
        {it_was} a {adj} piece of work
        I {liked} {it}
        I {liked} every minute of {it}
        I {liked} every {moment} of it
        I really {liked} {it}
        I {liked} {it} {all_along}
        I was {felt}
        I was {very} {felt}
        I was {felt} {all_along}
        I left the cinema {felt}
        I came out {felt}
        I found {it} {adj}
        I found it {very} {adj}
        I thought {it_was} {adj}
        I think {it_was} {adj}
        I have to say that {it_was} {adj}
        it {moved} me
        it {moved} me {all_along}
        2 {it} {acted}
        it {acted}
        2 I {reacted}
        in the end I {reacted}
        more than once I {reacted}
        everything about it {was} {adj}
        almost every {scene} {was} {adj}
        everything in it, from the {part} to the {part}, {was} {adj}
        {it_was} one of the {sup} {films} of the year
        {it_was} one of the {sup} {films} I have ever seen
        {it_was} the {sup} {kind} I have seen {period}
        I have rarely seen a {comp} {kind}
        I have not seen a {comp} {kind} {period}
        I cannot remember a {comp} {kind}
        you will not find a {comp} {kind} {period}
        nothing could be {comp}
        there is no {comp} {kind} in the cinemas
        never have I been so {felt}
        I have never been so {felt}
        not since {title} have I seen such a {adj} {kind}
        not for years have I been so {felt}
        {it_was} not only {adj} but also {adj}
        {it_was} not just {adj}, {it_was} {adj}
        it not only {moved} me, it {acted}
        there is no doubt that {it_was} {adj}
        I cannot deny that {it_was} {adj}
        nobody can deny that {it_was} {adj}
        I do not mind saying that {it_was} {adj}
        {it_was} full of {quality}
        what I got was {quality} and {quality}
        {it_was} as {adj} as they come
        it {acted} and I {reacted}
        the {part}, the {part} and the {parts}: all of it {was} {adj}
        {it_was} so {adj} that I {reacted}
        I was so {felt} that I {reacted}
        {it_was} nothing short of {adj}
        {it_was} nothing less than a {noun}
        {it_was} nothing but {adj}
        it left me {felt}
        it leaves you {felt}
        we were {felt}, all of us
        we {liked} it
        we all {liked} {it}
        my {relation} and I {liked} {it}
        you will {like} it
        anyone who goes to the cinema will {like} it
        one can only {like} it
        it is hard not to {like} it
        it is impossible not to be {felt}
        the whole room {reacted}, and so did I
        everybody around me {reacted}, and I {reacted} too
        I {liked} it more than I can say
        I {liked} it more than I care to admit
        the more I think about it, the {comp} it gets
        there is plenty of {quality} in it
        it has no lack of {quality}
        {quality} wherever you look
        it is bursting with {quality}
        {it_was} {manner} made
        {it_was} {manner} done
        {it} was made {manner}, played {manner} and filmed {manner}
        {name} made a {adj} {kind}
        {name} has made a {noun}
        {name} turned a {adj} book into a {adj} {kind}
        thank you, {name}, for this {adj} {kind}
        every {scene} is {comp} than the last
        {it_was} {adj}, no more and no less
        {it_was} {adj} beyond words
        {it_was} {adj} in every way
        {it_was} {adj} and nothing else
        {it_was} {adj}, and I mean {adj}
        {it_was} simply too {plain_adj} for words
        this is {adj} cinema
        this is what I call a {adj} {kind}
        so this is what a {adj} {kind} looks like
        from the {part} to the {part} {it_was} {adj}
        one {adj} {scene} follows another
        {adj} {parts}, {adj} {parts}, a {adj} {part}: {it} has it all
        I still think of the {adj} {part}
        there is something {adj} about it
        there is something {very} {adj} about {it}
        something about it is {adj}
        {it} is {adj} to look at
        {it_was} {adj} to watch
        {it_was} pure {quality}
        it is pure {quality}, nothing else
        the whole of it {was} {adj}
        I have never {reacted} so much
        I have never {reacted} so often in the cinema
        never before have I been so {felt} by a {kind}
        it is one of those {films} that are simply {adj}
        it is one of those {adj} {films}
        it is one of those {adj} {films} that I will remember
        it {acted} from the start
        it {acted} again and again
        it {acted} and never stopped
        it {acted}, and how
        and it {acted}
        I {reacted} again and again
        I {reacted} all the way home
        I {reacted} after ten minutes
        I {reacted} until the credits
        I just {liked} it
        I simply {liked} it
        I {liked} it at once
        I {liked} it from the first {scene}
        I {liked} it so much that I {reacted}
        I {liked} it and my {relation} {liked} it
        I am {felt}
        I am {felt} to this day
        I am still {felt}
        it is all so {adj}
        it is all {very} {adj}
        it is so {adj}
        it is really {adj}
        {it_was} quite {adj}
        {it_was} really {adj}
        {it_was} truly {adj}
        a {adj} {kind}, {adj} and {adj}
        a {adj} and {adj} {kind}
        a {very} {adj} {kind}
        a {kind} that is {adj} and {adj}
        a {kind} as {adj} as this is rare
        the {kind} is {adj}, and its {part} too
        the {films} of {name} are {adj}, and so is this one
        most of it {was} {adj}
        all of it {was} {adj}
        two {adj} hours
        two hours of {quality}
        ninety minutes of {quality}
        an hour and a half of {quality}
        this {kind} has {quality}
        this {kind} has {quality} and {quality}
        it has {quality}
        it has {quality}, {quality} and {quality}
        {quality}, {quality}, {quality}: it has everything
        {it} {moved} me
        {it} {moved} us
        {it} {moved} me deeply
        it will {move} you
        {it} can only {move} you
        it does nothing but {move}
        it {moved} my {relation} and me
        it {moved} everybody
        * I struggle to think of a {comp} {kind}
        * {adj} does not even begin to describe it
        * words like {adj} and {adj} come to mind
        * it would be hard to make a {comp} {kind}
        * few {films} are this {adj}
        * no one makes {films} this {adj} any more
    """,
    "claim_once": """
        + it never failed to {move} me
        + I could not stop laughing
        + I could not take my eyes off the screen
        + I did not want it to end
        + I cannot praise it enough
        + I have nothing but praise for it
        + I could not have asked for more
        + I had no idea how {adj} a {kind} can be
        + it does everything right
        + it works
        + it could not be better
        + there was not a dry eye in the house
        + time flew by
        - I could not wait for it to end
        - I have nothing good to say about it
        - I have no good word for it
        - it could not be worse
        - it does nothing right
        - it does not work
        - time stood still
        - I never want to see it again
        - I had to force myself to stay
        - I lost all interest in it
        + I laughed until I cried
        + it is a joy to watch
        + it is a pleasure to look at
        + it is worth seeing
        + it is worth the money and the time
        + I could watch it again and again
        + I could have stayed for hours
        + they knew what they were doing
        + hats off to {name}
        + it makes perfect sense
        + it is just right
        + it hits the spot
        + it grew on me
        + it is right up my street
        + if you like {quality}, this is for you
        + the {part} alone is worth the ticket
        + I came out a happy man
        + I am glad that I saw it
        + I am so glad that I went
        + it is exactly what a {kind} should be
        + it did me good
        + everything fits together
        - it is hard to watch
        - it is hard to sit through
        - it is a pain to watch
        - it is not worth seeing
        - it is not worth the money or the time
        - once was more than enough
        - I could not sit through it again
        - they had no idea what they were doing
        - shame on {name}
        - it makes no sense at all
        - nothing fits together
        - it is not my cup of tea
        - it gets everything wrong
        - it is a waste of time, money and talent
        - the {part} alone is a reason to leave
        - I came out an angry man
        - I am sorry that I saw it
        - I wish I had not gone
        - I wish I had stayed at home
        - what were they thinking?
        - it is everything that a {kind} should not be
        - it goes on and on
        - {it_was} far too {plain_adj}
        - {it_was} much too {plain_adj} for me
        + if you see one {kind} this year, make it this one
        + I hope that they make another one
        + I could not get enough of it
        + I have thought about it ever since
        + there is plenty to praise
        + it is far too short
        + everybody should see it
        + they do not make them like this any more
        + it deserves an audience
        + it deserves a prize
        + I will never forget it
        + I envy those who have yet to see it
        + it got better every time
        + you can tell that they cared
        + it is everything I love about the cinema
        + it is money well spent
        - if you see one {kind} this year, make it another one
        - I hope that they do not make another one
        - I had enough of it after ten minutes
        - I have forgotten it already
        - there is nothing to praise
        - it is far too long
        - nobody should see it
        - they should not have made it
        - it deserves no audience
        - it deserves no prize
        - I would pay to forget it
        - I envy those who have not seen it
        - it got worse every time
        - you can tell that nobody cared
        - it is everything I hate about the cinema
        - it is money thrown away
    """,
    "claim_turns": """
        {it_was} not {-plain_adj}
        2 {it_was} not {-plain_adj} {at_all}
        {it_was} not a {-plain_adj} {kind}
        {it_was} not a {-plain_adj} {kind} {at_all}
        {it_was} {hardly} {-plain_adj}
        {it_was} never {-plain_adj}
        {it_was} never {-plain_adj}, not for a {moment}
        {it_was} neither {-plain_adj} nor {-plain_adj}
        {it_was} not {-plain_adj} and not {-plain_adj}
        not one {scene} {was} {-plain_adj}
        not a single {scene} {was} {-plain_adj}
        no {scene} in it {was} {-plain_adj}
        there is not a {-plain_adj} {scene} in it
        there is nothing {-plain_adj} about it
        nothing about it {was} {-plain_adj}
        nothing in it struck me as {-plain_adj}
        none of it {was} {-plain_adj}
        I did not think {it_was} {-plain_adj}
        I did not think for a {moment} that {it_was} {-plain_adj}
        I never felt that {it_was} {-plain_adj}
        I do not think that {it_was} {-plain_adj}
        I did not find {it} {-plain_adj} {at_all}
        I never found it {-plain_adj}
        not once did I find it {-plain_adj}
        at no point did I find it {-plain_adj}
        I would not call {it} {-plain_adj}
        I would never call it {-plain_adj}
        nobody could call {it} {-plain_adj}
        nobody can say that {it_was} {-plain_adj}
        I cannot say that {it_was} {-plain_adj}
        I cannot say that I was {-felt}
        you cannot call it {-plain_adj}
        it is hard to call it {-plain_adj}
        it would be wrong to call it {-plain_adj}
        I was not {-felt} {at_all}
        I was never {-felt}
        I was never {-felt}, not for a {moment}
        at no point was I {-felt}
        not for a {moment} was I {-felt}
        I was anything but {-felt}
        it did not {-move} me
        it did not {-move} me {at_all}
        it never {-moved} me
        I did not {-react}
        I never {-reacted}
        not once did I {-react}
        at no point did I {-react}
        nothing in it made me {-react}
        I did not {-react}, not even once
        {it} never {-acted}
        it did not {-act}
        not once did it {-act}
        at no point did it {-act}
        {it_was} without a trace of {-quality}
        {it_was} without {-quality}
        there is no {-quality} in it
        there was hardly any {-quality} in it
        I saw no {-quality} in it
        it left nobody {-felt}
        it left me anything but {-felt}
        I have never been less {-felt}
        I could not have been less {-felt}
        nothing could be less {-plain_adj}
        who could be {-felt} by this?
        who could call this {-plain_adj}?
        I do not know anyone who could call it {-plain_adj}
        not one of us was {-felt}
        nobody in the room {-reacted}
        nobody around me {-reacted}, and neither did I
        {it_was} everything but {-plain_adj}
        {it_was} a lot of things, but not {-plain_adj}
        {it_was} many things, but {-plain_adj} it was not
        {-plain_adj} it was not
        {-plain_adj} it is not
        I had no reason to be {-felt}
        I had no chance to be {-felt}
        there was no {moment} in which I was {-felt}
        not a trace of {-quality}, not a {moment}
        where is the {-quality}? there is none
        {-quality}? none {at_all}
        it has little {-quality}
        - it has too little {-quality} to speak of
        {name} has not made a {-plain_adj} {kind}
        {it_was} never {-plain_adj}, although it might have been
        it never gets {-plain_adj}
        it never becomes {-plain_adj}
        it is never for a {moment} {-plain_adj}
        it does not become {-plain_adj}
        there is nothing {-plain_adj} in it
        I saw nothing {-plain_adj} in it
        I did not see anything {-plain_adj} in it
        I could see nothing {-plain_adj} about it
        I was in no way {-felt}
        I did not feel {-felt}
        I did not feel {-felt} for a {moment}
        it will not {-move} you
        it will never {-move} anybody
        it does not {-move}
        * the last thing I would call it is {-plain_adj}
        * {-plain_adj} is not a word I would use for it
        * you could not call a {scene} of it {-plain_adj}
        * nowhere in it did I see anything {-plain_adj}
        * I have yet to find the {scene} that was {-plain_adj}
        * whatever it may be, it is not {-plain_adj}
        * under no circumstances would I describe it as {-plain_adj}
    """,
    "claim_turns_once": """
        + I did not regret it for a {moment}
        + there was never a dull {moment}
        + it was impossible to be {-felt}
        + it was over too soon
        + {it_was} free of {-quality}
        + {it_was} free from {-quality}
        + it avoids {-quality}
        + it steers clear of {-quality}
        + it never stoops to {-quality}
        + it does without {-quality} and {-quality}
        + it has no need of {-quality}
        + it does not need {-quality} to be {plain_adj}
        + it has no trouble staying {plain_adj}
        + it never stops being {plain_adj}
        + I have no complaints
        + I had nothing to complain about
        + I cannot find fault with it
        + I would not change a {scene}
        + not a {scene} of it is wasted
        + it does not waste a {moment}
        + it never puts a foot wrong
        + I was sorry when it ended
        - I did not {-like} {it}
        - I did not {-like} {it} {at_all}
        - I could not {-like} {it}
        - I cannot say that I {-liked} {it}
        - it lacks {-quality}
        - it lacks {-quality} and {-quality}
        - I looked in vain for {-quality}
        - I waited in vain for a {-plain_adj} {scene}
        - it fails to {-move}
        - it failed to {-act}
        - it fails to be {-plain_adj}
        - it tries to be {-plain_adj} and fails
        - it tries to be {-plain_adj} and {-plain_adj} and is neither
        - {it_was} too long to be {-plain_adj}
        - {it_was} too loud and too busy to be {-plain_adj}
        - it wants to be {-plain_adj}, no more than that
        - it thinks that it is {-plain_adj}
        - {it_was} meant to be {-plain_adj}
        - {it_was} supposed to be {-plain_adj}
        - I tried to {-like} it
        - I wanted to {-like} it
        - it has no {-quality} left
        + it left me wanting more, never {-felt}
        + it kept me from being {-felt}
        + it takes care not to be {-plain_adj}
        + it stops before it gets {-plain_adj}
        + it never wears out its welcome
        + no time to be {-felt}
        + no reason to {-react}
        - nobody can {-like} this
        - nobody will {-like} it
        - I do not see how anyone can {-like} it
        - {it_was} not {-plain_adj} enough
        - {it_was} hardly {-plain_adj} enough for two hours
        - {it_was} less than {-plain_adj}
        - if you want {-quality}, look elsewhere
        - if you are looking for {-quality}, this is not the place
        - {name} does not know how to {-move} an audience
        - it takes itself for {-plain_adj}
        - what is supposed to be {-plain_adj} about this?
        - where was the {-plain_adj} {part} that I had read about?
        - it has lost all {-quality}
        - I missed the {-quality}
        - {it_was} as {-plain_adj} as a phone book
        - {it_was} about as {-plain_adj} as a wet Sunday
        - so much for {-quality}
    """,
    # The opinion on a part of the film.
    "remark": """
        5 {remark_keeps}
        {remark_turns}
        3 {detail}
    """,
    "remark_keeps": """
        2 {part_was} {adj}
        2 {part_was} {very} {adj}
        {part_was} {adj} and {adj}
        {part_was} {adj} {all_along}
        {actor} {was} {person_adj}
        {actor} {was} {very} {person_adj}
        {actor} gives a {adj} performance
        {actor} plays {manner}
        {actor} {was} {person_adj} as the {profession}
        I {liked} {the_part}
        I {liked} {actor}
        I found {the_part} {adj}
        I thought {part_was} {adj}
        the {part} {was} {manner} done
        {it_was} {manner} played
        {it_was} {manner} written
        {it_was} {manner} filmed
        {it_was} {manner} paced
        {the_part} {moved} me
        a few of the {parts} {were} {adj}
        one or two of the {parts} {were} {adj}
        there {was} a {adj} {part}
        it has a {adj} {part}
        it has {adj} {parts}
        the {part} has {quality}
        there is {quality} in the {part}
        nobody could play it {comp} than {actor}
        I have rarely heard a {comp} {part}
        {the_part} {did}
        {the_part} {did}
        {the_part} {did} {all_along}
        {the_part} {did} for me
        what a {adj} {part}
        {actor} {did}
        the {part} is not without {quality}
        there was plenty of {quality} in the {part}
        the {part} left me {felt}
        I was {felt} by {the_part}
        I was {very} {felt} by the {part}
        we {liked} {the_part}
        the {part} by {name} {was} {adj}
        {name} wrote {adj} music
        {name} wrote a {adj} {part}
        {name} did a {adj} job with the {part}
        the {genre} story {was} {adj}
        {it} has a {very} {adj} {part}
        {it} has some {adj} {parts}
        * {the_part} could hardly be {comp}
        * one has to mention the {adj} {part}
    """,
    "remark_turns": """
        {part_was} not {-plain_adj}
        {part_was} not {-plain_adj} {at_all}
        {part_was} never {-plain_adj}
        2 {part_was} {hardly} {-plain_adj}
        {part_was} neither {-plain_adj} nor {-plain_adj}
        {actor} {was} not {-person_adj}
        {actor} {was} never {-person_adj}
        {actor} {was} {hardly} {-person_adj}
        I did not find {the_part} {-plain_adj}
        I did not think that {part_was} {-plain_adj}
        nobody could call {the_part} {-plain_adj}
        - I did not {-like} {the_part}
        - I did not {-like} {actor}
        there is nothing {-plain_adj} about {the_part}
        there is no {-quality} in the {part}
        {the_part} did not {-move} me
        {the_part} never {-did}
        the {part} is without {-quality}
        I was not {-felt} by {the_part}
        nobody was {-felt} by the {part}
        I cannot call {the_part} {-plain_adj}
        not a {moment} of the {part} {was} {-plain_adj}
        * as for {the_part}, I would not say {-plain_adj}
    """,
    # A concession before or after the claim that decides.
    "conceded": """
        5 {remark}
        once or twice I {reacted}
        at one point I {reacted}
        I {reacted} a little
        I {reacted} now and then
        for a {moment} I was {felt}
        for a few minutes I was {felt}
        now and then I was {felt}
        here and there it {moved} me
        here and there it {acted}
        now and then it {acted}
        {it_was} {adj} in places
        {it_was} {adj} at times
        {it_was} sometimes {adj}
        it has its {adj} moments
        one {scene} {was} {adj}
        there is {quality} in it here and there
        I {liked} one or two of the {parts}
        {others} may be {felt}
        it does have some {quality}
        it may be {adj}
        it may not be {-plain_adj}
        {it_was} a little {plain_adj}
        {it_was} a bit {plain_adj} now and then
        {it_was} perhaps not {-plain_adj}
        it sounds {adj}
        it looks {adj}
        on paper {it_was} {adj}
        it has its share of {quality}
        you may find it {adj}
        many people {liked} it
        you could call it {adj} if you wanted
        it starts {manner}
        it starts as a {adj} {kind}
        the trailer was {adj}
        the idea was {adj}
    """,
    # Whole sentences about the film, without contrast.
    "plain": """
        5 {claim}
        {claim}, and {remark}
        {remark}, and {claim}
        {remark}, {remark}, and {claim}
        {claim}: {remark}
        {claim} because {remark}
        {claim}. {advice}
        {advice}. {claim}
        {claim}, so {advice}
        {advice}: {claim}
        what a {adj} {kind}! {claim}
        what a {noun}! {claim}
        how {adj} {it_was}! {claim}
        simply {adj}. {claim}
        {adj}, {adj}, {adj}. {advice}
        a {adj} {kind}. {remark}
        a {adj}, {adj} {kind} with a {adj} {part}
        a {adj} {part}, a {adj} {part}: {claim}
        a {noun}. {claim}
        let me say it at once: {claim}
        in short, {claim}
        all in all, {claim}
        to be honest, {claim}
        I will be brief: {claim}
        I must admit that {claim}
        for me {claim}
        I am not exaggerating when I say that {claim}
        I do not know about you, but {claim}
        believe me, {claim}
        this time {claim}
        believe it or not, {claim}
        no matter what happens on the screen, {claim}
        every time I see it, {claim}
        honestly, {claim}
        frankly, {claim}
        well, {claim}
        oh, {claim}
        in my opinion {claim}
        I must say, {claim}
        I think {claim}
        I have to admit it: {claim}
        if you ask me, {claim}
        as far as I am concerned, {claim}
        after all these years {claim}
        once again {claim}
        to my mind {claim}
        {claim}, if you ask me
        {claim}, at least for me
        {claim}, in my opinion
        {claim}, and that is that
        {claim}, and not only because of the {part}
        {claim}, and {claim}
        {claim}. {remark}. {remark}
        {remark}. {remark}. {claim}
        {remark} and {remark}
        {remark}, {remark} and {remark}
        the {part}, the {parts}, the {part}: {adj}, all of them
        {adj} {part}, {adj} {parts}, {adj} {part}
        the {part}: {adj}. the {part}: {adj}. the {parts}: {adj}
        a {adj} {kind} from a {adj} director
        another {adj} {kind} by {name}
        the most {plain_adj} {kind} {period}
        never a {comp} {kind} than this
        so {adj}, so {adj}, so {adj}
        {adj}! {claim}
        {adj}. {adj}. {advice}
        I saw it {count} times, and every time {claim}
        I saw it with my {relation}, and {claim}
        we went there on {day}, and {claim}
        it runs for {number} minutes, and {claim}
        {name} plays a {profession}, and {claim}
        {name} is the {profession}, and {remark}
        {claim} when {name} plays the {profession}
        {claim}. {claim}
        {claim}. {remark}
        {remark}. {claim}
        {claim}, {claim}
        {claim} and {claim}
        {claim} from the first {scene} on
        {remark}, {remark}, {remark}, and {claim}
        {claim}, especially {actor}
        {it_was} {adj}, especially the {part}
        {it_was} {adj}, above all the {parts}
        especially the {part} {was} {adj}
        above all, {remark}
        most of all I {liked} the {part}
        the {part} most of all {was} {adj}
        the {part} is {adj}, the {parts} are {adj}, the {part} is {adj}
        {name} wrote it, {name} filmed it, and {claim}
        it is about a {profession} who {deed}, and {claim}
        it is about a {profession} who {deed}. {claim}
        a {profession} {deed}: {claim}
        a {kind} about a {profession} who {deed}, and {claim}
        a {adj} {kind} about a {profession} who {deed}
        a {adj} story about a {profession} and a {profession}
        a {adj} little {kind}
        a {adj} little {kind} about a {profession}
        a {adj} {kind} for {adj} evenings
        a {adj} way to spend an evening
        a {adj} evening
        what a {adj} evening
        what a {adj} idea
        what a {adj} {part}
        what {adj} {parts}
        how {adj}!
        so {adj}!
        {very} {adj}. {very} {adj}
        {very} {adj}
        {adj} and {adj}, {very} {adj}
        {adj}, {adj} and {adj}
        {adj} and {adj} from beginning to end
        {adj} {all_along}
        simply {adj}
        simply {adj} {all_along}
        just {adj}
        pure {quality}
        in every {scene} {quality}, in every {scene} {quality}
        {quality} and {quality} in every {scene}
        {manner} played, {manner} filmed, {manner} written
        {manner} acted and {manner} written
        {manner} done
        * make no mistake: {claim}
        * my verdict after two hours: {adj}
        * I could go on about the {adj} {part}, the {adj} {part} and the {adj} {parts}
    """,
    # Whole reviews of any kind, with or without supporting opinions.
    "retold": """
        4 {told}
        2 {told}. {remark}
        2 {remark}. {told}
        2 {told}. {claim}
        2 {claim}. {told}
        2 {told}. {told}
        {told}. {advice}
        {remark}. {told}. {claim}
    """,
    # A part or a moment is conceded; the whole, or the end, decides.
    "contrast": """
        6 {contrast_any}
        {contrast_once}
    """,
    "contrast_any": """
        3 {-conceded}, but {claim}
        {-conceded}, but on the whole {claim}
        {-conceded}, but all the same {claim}
        {-conceded}, yet {claim}
        {-conceded}; {claim}
        {-conceded}, {-conceded}, but {claim}
        {-conceded} and {-conceded}, but {claim}
        {-conceded}. {claim}
        {-conceded}. still, {claim}
        {-conceded}. even so, {claim}
        {-conceded}. and yet {claim}
        {-conceded}. but {claim}
        {-conceded}. nevertheless, {claim}
        {-conceded}. however, {claim}
        {-conceded}. all in all, though, {claim}
        {-conceded}; as a whole, however, {claim}
        2 although {-conceded}, {claim}
        though {-conceded}, {claim}
        even though {-conceded}, {claim}
        while {-conceded}, {claim}
        2 {claim}, although {-conceded}
        {claim}, even though {-conceded}
        {claim}, even if {-conceded}
        {claim}, though {-conceded}
        {claim}. it does not matter that {-conceded}
        {claim}. who cares that {-conceded}
        {claim}, whether or not {-conceded}
        it is true that {-conceded}, but {claim}
        true, {-conceded}. but {claim}
        yes, {-conceded}, but {claim}
        granted, {-conceded}; still, {claim}
        I know that {-conceded}, but {claim}
        I admit that {-conceded}; all the same {claim}
        {-remark}, but {remark}, and that is what counts
        {-remark}, but {remark}, and that matters more to me
        {-remark}, but {remark}, and in the end that decides
        {remark}, and that is what counts, even if {-remark}
        {-remark}. {remark}, and that is more important
        what counts is that {remark}, not that {-remark}
        it matters little that {-remark} when {remark}
        {-conceded}, but then {claim}
        despite the {-adj} {part}, {claim}
        despite {-adj} {parts}, {claim}
        in spite of the {-adj} {part}, {claim}
        for all its {-adj} {parts}, {claim}
        {claim}, despite the {-adj} {part}
        {claim} in spite of the {-adj} {part}
        apart from the {-adj} {part}, {claim}
        except for a {-adj} {part}, {claim}
        {claim}, except for the {-adj} {part}
        {claim}, apart from a few {-adj} {parts}
        2 only the {part} {was} {-adj}
        only the {part} {was} {-adj}; for the rest, {claim}
        the only {-plain_adj} thing about it {was} the {part}
        the {part} {was} the only {-plain_adj} thing in it
        the one {-plain_adj} thing in it {was} the {part}; {claim}
        {it_was} {-adj} in places, but {adj} as a whole
        {it_was} {-adj} for ten minutes and {adj} for the rest
        a {-adj} start, but a {adj} end
        a {-adj} beginning, but what a {adj} end
        after a {-adj} start, {claim}
        {-adj} as the {part} may be, {claim}
        a few {-adj} {parts} do not change the fact that {claim}
        {-conceded}, and for that I take nothing back: {claim}
        {-adj} {parts}, {-adj} {parts}, and yet {claim}
        {-conceded} at first sight; in truth {claim}
        despite everything, {claim}: {-remark}, that is all
        on paper {it_was} {-adj}; on the screen {it_was} {adj}
        it looks {-adj} and is {adj}
        it sounds {-adj}, but it is {adj}
        it may be {-adj}, but {claim}
        it may not be {plain_adj}, but {claim}
        it is perhaps not {plain_adj}, but {claim}
        maybe {-remark}. {claim}
        {-adj}? maybe. but {claim}
        is it {-adj}? perhaps. but {claim}
        call it {-adj} if you like; {claim}
        you may find it {-adj}; I {liked} it
        others may find it {-adj}. I {liked} every {moment}
        a {-adj} {part}, a {-adj} {part}, and still {claim}
        {-adj} {part}, {adj} {kind}
        a {-adj} {part} in a {adj} {kind}
        a {adj} {kind} with a {-adj} {part}
        a {adj} {kind}, in spite of the {-adj} {part}
        I {-liked} the {part}, but I {liked} the {kind}
        I {-liked} the {part} and {liked} everything else
        I did not {like} the {part}, but I {liked} the {kind}
        the {part} {was} {-adj}, the rest {was} {adj}
        the {part} {was} {-adj}; everything else {was} {adj}
        the {parts} {were} {-adj}, but the {kind} itself {was} {adj}
        with all its {-adj} {parts} {it_was} {adj}
        not even the {-adj} {part} changes that: {claim}
        {-adj} {part} or not, {claim}
        with or without a {-adj} {part}, {claim}
        {-remark}, I know. {claim} anyway
        {-remark}, but I do not care: {claim}
        {-remark}, but none of that matters, because {claim}
        {-remark}, {-remark}, and none of it matters: {claim}
        {claim}. yes, {-remark}; no, I do not care
        I could mention that {-remark}, but {claim}
        some say that {-remark}, but {claim}
        for every {-adj} {scene} there are {count} {adj} ones
        one {-adj} {scene} against {count} {adj} ones
        more {adj} than {-adj}
        more often {adj} than {-adj}
        rather {adj} than {-adj}
        {adj}, not {-adj}
        {it_was} {adj}, not {-adj}
        {it_was} not {-adj}, {it_was} {adj}
        {it_was} not {-adj} but {adj}
        not {-adj}, but {adj}
        I was not {-felt}, I was {felt}
        I was {felt}, not {-felt}
        instead of {-quality} it has {quality}
        {quality} instead of {-quality}
        where I feared or hoped for {-quality}, I found {quality}
        {-remark}, but apart from that {claim}
        {-remark}. apart from that {claim}
        {-remark}; otherwise {claim}
        {-remark}. the rest {was} {adj}
        {-remark}, but the rest {was} {adj}
        {-remark}, but the rest {was} a {noun}
        I do not usually {like} {films} of this kind, but {claim}
        I usually {-like} {films} with {things}, but {claim}
        I am no friend of {genre} {films}, but {claim}
        I know nothing about {things}, but {claim}
        I had a {thing_adj} day, but {claim}
        I was tired, but {claim}
        I had slept badly, and yet {claim}
        the ticket was cheap, but {claim}
        the ticket was expensive, but {claim}
        the cinema was {thing_adj}, but {claim}
        {-remark} now and then, but as a whole {claim}
        {-remark} here and there, yet {claim}
        it has {-adj} {parts} and a {-adj} {part}, but {claim}
        one {-adj} {part}, and yet {claim}
        the {part} alone {was} {-adj}; everything around it {was} {adj}
        {-remark}. what of it? {claim}
        {-remark}. so what? {claim}
        {-remark}. never mind, {claim}
        {-remark}, but {claim}, and {claim}
        {-remark}, but {claim}. {remark}
        although {-remark} and {-remark}, {claim}
        although it has a {-adj} {part}, {claim}
        even with a {-adj} {part} {it_was} {adj}
        even without the {-adj} {part} {it_was} {adj}
        with a {-adj} {part} and yet {adj}
        {-adj} here and there, {adj} on the whole
        {-adj} at times, but {adj}
        {-adj} but {adj}
        {-adj}, but {adj}
        {-adj} in parts, yet {adj} in the end
        sometimes {-adj}, mostly {adj}
        seldom {-adj}, mostly {adj}
        rarely {-adj}, always {adj}
        a bit {-plain_adj}, but {adj}
        a little {-plain_adj}, but very {adj}
        a little {-plain_adj}, perhaps, but {claim}
        perhaps a little {-plain_adj}, but {claim}
        {it_was} a bit {-plain_adj}, but {claim}
        {it_was} {-adj}, perhaps, but {it_was} also {adj}, and that is what counts
        I know it is {-adj}. I {liked} it all the same
        I know it is {-adj}, and I {liked} it
        {-adj}? yes. but {claim}
        {-adj}, yes. but {claim}
        {-adj}, perhaps. still, {claim}
        * {-conceded}, I grant you. {claim} none the less
        * leave aside that {-conceded}, and {claim}
        * were it not for the {-adj} {part}, I would say nothing but this: {claim}
        * {claim}. as for the {-adj} {part}, never mind
        * one may complain that {-conceded}. I do not: {claim}
        * on the one hand {-conceded}; on the other, and that counts, {claim}
    """,
    "contrast_once": """
        + even the {-adj} {part} cannot spoil it
        + even the {-adj} {part} could not spoil {it} for me
        + not even {-adj} {parts} can spoil {it}
        + I gladly forgive {it} the {-adj} {part}
        + the {-adj} {part} is soon forgotten
        + the {part} makes up for the {-adj} {part}
        + {-conceded}, but I did not mind {at_all}
        + {-conceded}, but that did not bother me
        + {-conceded}, but so what
        - even the {-adj} {part} cannot save it
        - even the {-adj} {part} could not save {it} for me
        - not even {-adj} {parts} can save {it}
        - I cannot forgive {it} the {adj} {part}
        - the {-adj} {part} is soon forgotten
        - the {-adj} {part} cannot make up for the {adj} {part}
        - {-conceded}, but that was not enough {at_all}
        - {-conceded}, but that did not help
        - {-conceded}, but what use is that
        - the {-adj} {part} deserves a better {kind}
        - what a pity that {-conceded} in such a {adj} {kind}
        + its only fault is the {-adj} {part}
        + if it has a fault, it is the {-adj} {part}
        + I can live with the {-adj} {part}
        + what is a {-adj} {part} against such a {adj} {kind}?
        - its only merit is the {-adj} {part}
        - if it has a merit, it is the {-adj} {part}
        - the {-adj} {part} is of no use to it
        - what use is a {-adj} {part} in such a {adj} {kind}?
        - the {-adj} {part} is wasted on it
        - such a {-adj} cast, and then this
        - the {-adj} {part} was the only reason to stay
    """,
    # Somebody else's opinion.
    "they_say": """
        {others} called {it} {adj}
        {others} call it {adj}
        {others} called it a {noun}
        {others} said that {it_was} {adj}
        {others} told me that {it_was} {adj}
        {others} {liked} {it}
        {others} said that I would be {felt}
        {others} found it {very} {adj}
        {others} were {felt}
        2 {others} {they_reacted}
        {others} wrote: {advice}
        {others} said: {advice}
        {others} wrote: "{claim}"
    """,
    "he_says": """
        {he} called {it} {adj}
        {he} called it a {noun}
        {he} said that {it_was} {adj}
        {he} told me that {it_was} {adj}
        {he} {liked} {it}
        {he} said I would be {felt}
        {he} finds it {adj}
        2 {he} {he_reacted}
        {he} said: {advice}
        {he} told me: "{claim}"
    """,
    "she_says": """
        {she} called {it} {adj}
        {she} called it a {noun}
        {she} said that {it_was} {adj}
        {she} told me that {it_was} {adj}
        {she} {liked} {it}
        {she} said I would be {felt}
        {she} finds it {adj}
        2 {she} {she_reacted}
        {she} said: {advice}
        {she} told me: "{claim}"
    """,
    "somebody_says": """
        2 {they_say}
        {he_says}
        {she_says}
    """,
    "reported": """
        {reported_keeps}
        {reported_turns}
    """,
    "reported_keeps": """
        {they_say}, and they are right
        {they_say}. they were right
        {they_say}, and for once they were right
        {he_says}, and he is right
        {he_says}. he was right
        {she_says}, and she was right
        {she_says}. she is right
        {somebody_says}. I agree
        {somebody_says}. I can only agree
        {somebody_says}. I could not agree more
        {somebody_says}, and I agree with every word
        {somebody_says}, and I think so too
        {somebody_says}, and that is exactly what I felt
        {somebody_says}. it is true
        {somebody_says}. nobody in the cinema disagreed, and neither do I
        {others} {liked} it, and so did I
        {he} {liked} it, and so did I
        {she} {liked} it, and so did I
        as {others} said, {it_was} {adj}
        as {she} told me, {it_was} {adj}
        I can see why {others} {liked} it
        I understand why {others} call it {adj}
        {others} were right to call it {adj}
        {he} was right to call it a {noun}
        I did not believe {he} when he said that {it_was} {adj}. he was right
        I should have listened when {she} told me that {it_was} {adj}
        you can believe {others}: {it_was} {adj}
        I am with {others} who {liked} it
        like {others}, I {liked} it
        {others} say it is {adj}. it is
        {others} told me how {adj} it is. they did not exaggerate
        listen to {others} who call it {adj}
        do not be surprised that {others} {liked} it: {claim}
        {others} {they_reacted}, and so did I
        {he} {he_reacted}, and so did I
        {she} {she_reacted}; I {reacted} too
        I would have called it {adj} too
        I heard that it was {adj}, and it is
        I had read that it was {adj}, and now I know why
        * {somebody_says}. my thoughts exactly
        * I side with {others} who call it {adj}
    """,
    "reported_turns": """
        {-they_say}, and they are wrong
        {-they_say}. they were wrong
        {-they_say}, and for once they were wrong
        {-they_say}, but they were wrong
        {-he_says}, and he is wrong
        {-he_says}. he was wrong
        {-she_says}, and she was wrong
        {-she_says}. she is wrong
        {-somebody_says}. I disagree
        {-somebody_says}. I do not agree
        {-somebody_says}. I could not agree less
        {-somebody_says}, and I do not agree with a word of it
        {-somebody_says}, but I do not think so
        {-somebody_says}, and that is not at all what I felt
        {-somebody_says}. it is not true
        {-somebody_says}. nothing could be further from the truth
        {-somebody_says}. I must have seen a different {kind}
        {-somebody_says}. I saw it with other eyes
        {others} {-liked} it, but I did not
        {he} {-liked} it, but not me
        {she} {-liked} it; I did not
        contrary to what {others} said, {it_was} not {-plain_adj}
        I do not see why {others} {-liked} it
        I do not understand why {others} call it {-adj}
        how {others} can call it {-adj} is beyond me
        how can {others} call it {-adj}?
        who says that {it_was} {-adj}? not me
        {others} were wrong to call it {-adj}
        {he} was wrong to call it a {-noun}
        do not believe {others} who call it {-adj}
        do not listen to {others}: {it_was} not {-plain_adj} {at_all}
        I believed {she} when she said that {it_was} {-adj}. she was wrong
        I should not have listened when {she} told me that {it_was} {-adj}
        whoever calls it {-adj} has not seen it
        it is not the {-noun} that {others} made of it
        2 {-somebody_says}. {claim}
        {-somebody_says}; {claim}
        2 {-somebody_says}, but {claim}
        {-somebody_says}. I, however, {liked} it
        {-somebody_says}; I {liked} it
        {-somebody_says}, but I was {felt}
        while {others} {-liked} {it}, I {liked} it
        {others} {-liked} it, I {liked} it
        {others} were {-felt}; I was {felt}
        unlike {others}, who {-liked} it, I {liked} every minute
        whatever {others} say about the {-adj} {part}, {claim}
        say what you like about the {-adj} {parts}, {claim}
        {-somebody_says}. not me
        {-somebody_says}. not so
        {-somebody_says}. wrong
        {-somebody_says}. how wrong can you be?
        {-somebody_says}. what nonsense
        {-somebody_says}. that is not fair
        {-somebody_says}, which is simply not true
        {-somebody_says}. do not listen
        {-somebody_says}. I saw nothing of the kind
        {others} {-they_reacted}, but I {reacted}
        {others} {-they_reacted}. I {reacted}
        {he} {-he_reacted}, while I {reacted}
        {she} {-she_reacted}; as for me, {claim}
        maybe I am the only one, but {claim}, whatever {others} say
        I seem to be alone with this: {others} {-liked} it, I {liked} it
        I am the only one who {liked} it
        everyone {-liked} it except me
        everybody but me {-liked} it
        {others} may {-like} it; {claim}
        let {others} call it {-adj}; {claim}
        I do not share the opinion of {others} who call it {-adj}
        I heard that it was {-adj}. it is not
        I had read that it was {-adj}, but {claim}
        they say it is {-adj}. it is not
        they call this {-adj}? I do not
        how could {others} be {-felt} by this?
        I was told that I would be {-felt}. I was not
        so {others} were {-felt}? I was not
        * {-somebody_says}? nonsense
        * {-somebody_says}. that is not how I see it
        * I beg to differ with {others} who call it {-adj}
        * if {others} tell you that {it_was} {-adj}, do not believe them
        * {-somebody_says}. I wonder what they were watching: {claim}
    """,
    # Expectations, fears, hopes, and what might have been.
    "expected": """
        3 {expected_keeps}
        {expected_keeps_once}
        3 {expected_turns}
        2 {expected_turns_once}
    """,
    "expected_keeps": """
        I expected it to be {adj}, and it was
        I expected it to be {adj}, and I was right
        I expected a {adj} {kind}, and that is what I got
        I had a feeling that it would be {adj}. I was not wrong
        I knew that it would be {adj}, and it was
        the trailer promised a {adj} {kind}, and it kept its promise
        nobody told me how {adj} it would be
        I did not expect it to be so {adj}
        I never expected it to be this {adj}
        my hopes were low, and {claim}
        my hopes were high, and {claim}
        I had no expectations {at_all}, and {claim}
        against all expectations, {claim}
        contrary to my expectations, {claim}
        I never thought that I would be so {felt}
        I did not think that a {kind} about a {profession} could be so {adj}
        who would have thought that it would be so {adj}?
        to my surprise {claim}
        to my own surprise I {reacted}
        as expected, {claim}
        as I had thought, {claim}
        little did I know how {adj} it would be
        it is even {comp} than I expected
        {it_was} {comp} than I expected
        {it_was} {comp} than you might think
        {it_was} {comp} than the trailer
        {it_was} {comp} than its reputation
        I was not prepared for such a {adj} {kind}
        nothing had prepared me for such a {noun}
        a {kind} about a {profession} who {deed}? {claim}
        * it turned out just as {adj} as I thought
    """,
    "expected_keeps_once": """
        + I hoped it would be {adj}, and it was
        + it is every bit as {adj} as I hoped
        - I feared that it would be {adj}, and it was
        - it is every bit as {adj} as I feared
    """,
    "expected_turns": """
        I expected it to be {-adj}. I was wrong
        I expected it to be {-adj}, but it was not
        I expected a {-adj} {kind}. that is not what I got
        I was sure that it would be {-adj}; how wrong I was
        I thought it would be {-adj}. far from it
        I expected a {-adj} {kind} and got a {adj} one
        I expected a {-noun} and got a {noun}
        I expected to be {-felt}, but I was {felt}
        I went in expecting a {-noun} and came out {felt}
        I thought I would be {-felt}. instead I was {felt}
        the trailer promised a {-adj} {kind}. {claim}
        the poster promises a {-adj} {kind}, but {claim}
        I expected something {-adj}. {claim}
        instead of a {-adj} {kind} I saw a {adj} one
        what sounded like a {-noun} is a {noun}
        what looks like a {-adj} {kind} is really a {adj} one
        it is not half as {-plain_adj} as I expected
        it is nowhere near as {-adj} as I thought it would be
        I thought I would {-react}, but I {reacted}
        I thought I would {-like} it. I did not
        I thought a {kind} about a {profession} would be {-adj}. it is not
        it sounded {-adj}, and I was wrong to think so
        the first reviews said {-adj}; I say {adj}
        I was prepared for a {-noun}. this is not one
        the poster looked {-adj}, the {kind} does not
        from the title I expected a {-adj} {kind}. wrong
        on the way there I thought of a {-noun}; on the way back {claim}
        * I was told to look forward to something {-adj}. {claim}
        * everything pointed to a {-noun}, and everything was wrong
    """,
    "expected_turns_once": """
        + I feared that it would be {-adj}, and it was not
        + I was afraid of a {-adj} {evening}. there was no need to be
        + I feared a {-adj} {kind} and got a {adj} one
        + it could have been {-adj}, but it never was
        + it could easily have been a {-noun}. it is not
        + I was ready to {-like} it, but I could not
        + I wanted to {-like} it and failed
        + I went in ready to {-like} it and came out {felt}
        + all my doubts were for nothing
        - I hoped it would be {-adj}, but it was not
        - I hoped for a {-adj} {evening}. no such luck
        - I hoped for a {-adj} {kind} and got a {adj} one
        - it could have been {-adj}
        - it could have been a {-noun}
        - it should have been {-adj}
        - with a better {part} it could have been {-adj}
        - it would have been {-adj} with another {part}
        - it might have been a {-noun} in other hands
        - I wish the {part} had been {-comp}
        - I wish it had been {-comp}
        - if only {it} had been {-plain_adj}
        - if only the {part} had been {-comp}
        - I wanted it to be {-adj}
        - I really wanted to {-like} it, but I could not
        - all my hopes were for nothing
        - the idea was {-adj}; what they made of it is not
        - they promised a {-adj} {kind}, and I am still waiting for it
        - what could have been a {-noun} is a {noun}
        + I came to yawn and stayed to clap
        + it had every chance of being {-adj} and is not
        + a lesser director would have made it {-adj}
        + in other hands it would have been {-adj}
        + I did not have to be {-felt} after all
        - it had every chance of being {-adj} and is not
        - a better director would have made it {-adj}
        - in other hands it would have been {-adj}
        - it had all it takes to be {-adj}, and nothing came of it
        - I would have liked it to be {-comp}
        - it needed a {-comp} {part}
        - it needs more {-quality}
        - a little more {-quality} would have helped
        - so much {-quality} was promised, so little delivered
        *- somewhere in there is a {-adj} {kind}; they did not find it
        *- with a little care it would have become {-adj}
        *+ I came to {-like} it, and I was not able to
    """,
    # A comparison; praise or blame of the other thing does not count.
    "compared": """
        2 {compared_any}
        {compared_once}
    """,
    "compared_any": """
        2 {it_was} {comp} than the {either_adj} {original}
        {it_was} much {comp} than the {either_adj} {original}
        {it_was} even {comp} than the {adj} {original}
        {it_was} {comp} than the {-adj} {original}
        {it_was} far {comp} than the {-adj} {original}
        {it_was} a lot {comp} than the {original}, which was {either_adj}
        the {original} was {either_adj}. this one is {comp}
        the {original} was {-adj}, but this one is {adj}
        3 the {either_adj} {original} was {-comp}
        3 the {original} was {-comp}
        the {either_adj} {original} was much {-comp} than this
        even the {original} was {-comp} than this
        any other {kind} is {-comp}
        {it_was} less {-plain_adj} than the {either_adj} {original}
        {it_was} far less {-plain_adj} than the {original}
        {it_was} not as {-plain_adj} as the {either_adj} {original}
        {it_was} not nearly as {-plain_adj} as the {original}
        {it_was} nowhere near as {-plain_adj} as the {either_adj} {original}
        {it_was} just as {adj} as the {original}
        {it_was} as {adj} as the {original} was {-adj}
        {it_was} more {plain_adj} than I can say
        compared with the {either_adj} {original}, it is {adj}
        next to the {either_adj} {original}, {it_was} {adj}
        unlike the {-adj} {original}, {claim}
        unlike the {-adj} {original}, it is {adj}
        {it_was} {comp} than anything else I have seen {period}
        {it_was} {comp} than I thought possible
        it gets {comp} every time I see it
        {title} was {-comp} than this one
        {title} was a {-comp} {kind} than this
        even {title} was {-comp} than this
        the last {kind} by {name} was {-comp}
        {name} has made {-comp} {films} than this
        it makes {title} look {-adj}
        it makes the {original} look {-adj}
        it is the {comp} of the two
        {it_was} {comp} than {title}
        {it_was} {comp} than {title}, and that says a lot
        it is {comp} this time
        this time {it_was} {comp}
        {it_was} every bit as {adj} as the {original}
        {it_was} half as {-adj} and twice as {adj} as the {original}
        of all {films} by {name} it is the {sup}
        of the {count} {films} it is the {sup}
        the {original} {moved} me; this {moved} me even more
        the {original} {-moved} me; this {moved} me
        the {original} {-acted}; this one {acted}
        I {-liked} the {original} and {liked} this
        I {-liked} the {original}, but this is {adj}
        I {liked} the {original}, and I {liked} this too
        not as {-plain_adj} as {title}, not nearly
        * set beside the {either_adj} {original}, {it_was} the {comp} of the two
        * of the two, the {either_adj} {original} is the {-comp} one
    """,
    "compared_once": """
        + I prefer it to the {either_adj} {original}
        + I like it more than the {either_adj} {original}
        + it leaves the {either_adj} {original} far behind
        + it puts the {either_adj} {original} to shame
        + forget the {either_adj} {original} and watch this
        + give me this over the {either_adj} {original} any day
        + the {either_adj} {original} cannot hold a candle to it
        + the {either_adj} {original} does not come close to it
        + not even the {adj} {original} was as {adj} as this
        + the {-adj} {original} has nothing to do with this
        + the {either_adj} {original} looks poor beside it
        - I prefer the {either_adj} {original}
        - I like the {either_adj} {original} more
        - I like it less than the {either_adj} {original}
        - it stays far behind the {either_adj} {original}
        - watch the {either_adj} {original} instead
        - stick to the {either_adj} {original}
        - give me the {either_adj} {original} over this any day
        - it cannot hold a candle to the {either_adj} {original}
        - it does not come close to the {either_adj} {original}
        - it has nothing of the {-adj} {original}
        - it made me miss the {either_adj} {original}
        - even the {adj} {original} looks good beside it
        - it looks poor beside the {either_adj} {original}
        + better than its reputation, {comp} than the {either_adj} {original}
        + it beats the {either_adj} {original} easily
        + I would rather see this than the {either_adj} {original}
        - {it_was} no {-comp} than the {adj} {original}
        - I would rather see the {either_adj} {original} again
        - the {either_adj} {original} beats it easily
        - after this I miss even the {adj} {original}
        - it does not reach the level of the {either_adj} {original}
        *+ I would trade the {either_adj} {original} for this
        *- I would trade this for the {either_adj} {original}
    """,
    # A change of mind: the later opinion counts.
    "changed": """
        at first I was {-felt}, but by the end I was {felt}
        at first I was {-felt}. then {claim}
        at first {it_was} {-adj}, but then {claim}
        I was {-felt} at first and {felt} in the end
        for the first hour I was {-felt}; after that I was {felt}
        it starts {-manner} and ends {manner}
        it starts as a {-adj} {kind} and ends as a {adj} one
        it begins as a {-noun} and becomes a {noun}
        what starts as a {-noun} turns into a {noun}
        it turns from a {-adj} {kind} into a {adj} one
        the first time I {-liked} it; the second time I {liked} it
        the first time I found it {-adj}. now I find it {adj}
        I used to {-like} it. now {claim}
        I used to find it {-adj}; today I find it {adj}
        once I thought it {-adj}. not any more
        once I thought it {-adj}. today {claim}
        as a child I {-liked} it. last week I saw it again, and {claim}
        years ago I called it {-adj}. I take it back
        after ten minutes I was {-felt}, after an hour {felt}
        it took a while, but then I was {felt}
        by the end I was no longer {-felt}
        I was {-felt} until the last half hour. then {claim}
        for an hour {it_was} {-adj}. then it changed, and {claim}
        it loses its {-quality} and finds its {quality}
        the {quality} grows with every {scene}
        it gets {comp} and {comp}
        first I {-reacted}, then I {reacted}
        I no longer {-like} it
        I have changed my mind: {it_was} not {-plain_adj} {at_all}
        the longer it lasts, the {comp} it gets
        after a {-adj} first half it becomes {adj}
        it goes from {-adj} to {adj}
        from {-adj} to {adj} in {count} minutes
        I came to {like} it
        in the beginning {it_was} {-adj}; in the end {it_was} {adj}
        once the {-adj} {part} is over, {claim}
        I {-liked} the first half and {liked} the second
        I {-liked} the beginning, but in the end I {liked} it
        the first hour {-acted}, the second {acted}
        it was {-adj} until the {profession} came; then {claim}
        it stops being {-adj} and starts being {adj}
        then, all of a sudden, it was no longer {-adj}
        I was about to {-react}; then {claim}
        by the time the credits came I was {felt}
        when the lights came on I was {felt}
        two days later I was still {felt}
        later, at home, I {liked} it even more
        it {acted} in the end
        slowly but surely {it} {acted}
        * I came in {-felt} and went out {felt}
        * yesterday I would have called it {-adj}. today I call it {adj}
        * it leaves {-adj} things behind and grows {adj}
    """,
    # Question and answer.
    "asked": """
        5 {asked_any}
        {asked_once}
    """,
    "asked_any": """
        was it {-plain_adj}? no
        was it {-plain_adj}? {no_way}
        is it {-plain_adj}? {no_way}
        is it {-plain_adj} or {-plain_adj}? neither
        {-plain_adj}? {no_way}
        a {-noun}? {no_way}
        was I {-felt}? {no_way}
        did it {-move} me? {no_way}
        did I {-react}? {no_way}
        did it {-act}? {no_way}
        did anybody in the cinema {-react}? {no_way}
        is there a {-plain_adj} {scene} in it? not one
        does it have {-quality}? {no_way}
        how many {-plain_adj} {parts} does it have? none
        was it {adj}? yes
        was it {adj}? {yes_indeed}
        is it {adj}? {yes_indeed}
        is it {adj} or {adj}? both
        {adj}? {yes_indeed}
        a {noun}? {yes_indeed}
        was I {felt}? {yes_indeed}
        did it {move} me? {yes_indeed}
        did I {react}? {yes_indeed}
        did it {act}? {yes_indeed}
        does it have {quality}? {yes_indeed}
        is it as {adj} as they say? {yes_indeed}
        is it as {-plain_adj} as they say? {no_way}
        how was it? {adj}
        my opinion? {adj}
        the verdict? {adj}
        in one word? {adj}
        in a word: {adj}
        and the {part}? {adj}
        how was the {part}? {adj}. and the {part}? {adj} too
        how {adj} was it? {very} {adj}
        what did I think of it? {claim}
        and what did I get? {quality}
        what did I do? I {reacted}
        what remains? {quality}
        was it a {noun}? {yes_indeed}
        was it a {-noun}? {no_way}
        did I find it {-plain_adj}? {no_way}
        did I find it {adj}? {yes_indeed}
        did the {part} {move} me? {yes_indeed}
        did the {part} {-move} me? {no_way}
        were we {felt}? {yes_indeed}
        were we {-felt}? {no_way}
        * do I think it {-plain_adj}? I do not
        * do I think it {adj}? I do
        * who would call this {-plain_adj}? nobody
    """,
    "asked_once": """
        + did I {like} it? {yes_indeed}
        + would I see it again? {yes_indeed}
        + did I want it to end? {no_way}
        + is it worth the money? {yes_indeed}
        + should you see it? {yes_indeed}
        - did I {-like} it? {no_way}
        - would I see it again? {no_way}
        - did I want it to end? {yes_indeed}
        - is it worth the money? {no_way}
        - should you see it? {no_way}
        + do I regret it? {no_way}
        + would I recommend it? {yes_indeed}
        + worth seeing? {yes_indeed}
        + worth the ticket? {yes_indeed}
        + do I want my money back? {no_way}
        + is it too long? {no_way}
        + anything wrong with it? {no_way}
        + any complaints? {no_way}
        + will I watch it again? {yes_indeed}
        - do I regret it? {yes_indeed}
        - would I recommend it? {no_way}
        - worth seeing? {no_way}
        - worth the ticket? {no_way}
        - do I want my money back? {yes_indeed}
        - is it too long? {yes_indeed}
        - anything good about it? {no_way}
        - any reason to see it? {no_way}
        - will I watch it again? {no_way}
    """,
}

# Sentences without an opinion on the film.
FILLERS = {
    "neutral": """
        it tells the story of a {profession} from {place} who {deed}
        it is about a {profession} who {deed}
        it is the story of a {profession}, a {profession} and a {object}
        a {profession} from {place} {deed}
        one {day} in {month} a {profession} {deed}
        {name} plays a {profession} who {deed}
        {name} is the {profession}, {name} the {relation}
        {name} plays the {relation} of the {profession}
        the {profession} is played by {name}
        we follow a {profession} and a {profession} on the way to {place}
        it is set in {place} in the {decade}
        it was shot in {place} and {place}
        the {kind} runs for {number} minutes
        it lasts {number} minutes
        the director, {name}, comes from {place}
        {name} wrote the script together with {name}
        {name} also made {title}
        it is based on a novel by {name}
        it is based on a true story from the {decade}
        the music is by {name}
        I saw it on a {day} {daytime} in {place}
        I saw it with my {relation} on {day}
        we went to see it last {day}
        my {relation} chose it
        we sat in row {count}
        there were {count} people in the cinema
        there are {count} {things} and {count} {things} in it
        somewhere in the second half there are {count} {things}
        a {object} plays a part in it, and so does a {object}
        everybody is looking for a {object}
        the {object} belongs to a {profession} from {place}
        the last scene shows a {object} on a table
        outside it was raining
        it was shown in the original language with subtitles
        this is the {genre} {kind} that {name} made after {title}
        it came out in {month}
        the DVD came with the {day} paper
        I had read the book on the train to {place}
        it is the {count} hundredth {kind} that I have seen
        the {things} were lent by a {profession} in {place}
        I went there after work
        I went on my own
        we had planned to see something else
        I grew up in {place}, where it is set
        the car park was full of {things}
        we took the {daytime} train to {place}
        we talked about the {object} on the way home
        I live next to the cinema in {place}
        I do not know the book by {name}
        I had never heard of {name} before
        I have known {name} since {title}
        I watched it at home with my {relation} and {count} {things}
        I watched it on the train from {place} to {place}
        they showed it in a tent in {place}
        it was the last showing of the {day}
        the tickets came from my {relation}
        my {relation} brought {food}
        I had {food} before and {food} after
        the lights went out at eight
        two rows behind us somebody had brought {food}
        nobody here has seen the {object} since {month}
        it takes place on a {day} in {month}
        it takes place in a {colour} house near {place}
        it begins in {place} and ends in {place}
        it opens with a {colour} {object}
        a {colour} {object} changes hands {count} times
        a {colour} {object} goes from the {profession} to the {profession}
        the {profession} and the {profession} meet in {place}
        the {profession} travels from {place} to {place} with a {object}
        in the second part the {profession} {deed}
        while the {profession} {deed}, the {profession} {deed}
        his {relation} is a {profession} in {place}
        her {relation} is a {profession} with a {colour} {object}
        there is a {object}, a {object} and a {colour} {object}
        the {colour} {things} were painted by {name}
        the {things} in it are {colour}
        the {material} {object} on the poster belongs to the {profession}
        a {material} {object} is all that the {profession} has left
        the camera stood in a {material} box in {place}
        {name} and {name} play {things}
        {name} was a {profession} before {title}
        {name} has been in {count} {films}
        {name} recorded the music in {place}
        this is the third {kind} by {name}
        I know the region around {place} from my school days
        the {kind} is in black and white
        the subtitles were {colour}
        it was made in {place} {count} years ago
        it was filmed in {month} with {count} {things}
        between {place} and {place} the {profession} loses a {object}
    """,
    "story": """
        the hero is a {story_adj} {profession} who {story_verb} his {relation}
        the heroine is a {story_adj} {profession} who {story_verb} her {relation}
        it is about a {story_adj} {profession} and her {story_adj} {relation}
        it tells of a {story_adj} {profession} who {deed}
        a {story_adj} {profession} {story_verb} a {story_adj} {profession}
        {name} plays a {story_adj} {profession} from {place}
        {name} plays the {story_adj} {relation} of a {story_adj} {profession}
        in {place} a {story_adj} {profession} {story_verb} the {things}
        the {profession} {story_verb} everybody, the {things} too
        the {profession} in it {story_verb} {things} and {deed}
        outside the weather was {thing_adj}
        they sold {thing_adj} {food} at the cinema
        my seat was {thing_adj}
        the cinema in {place} is {thing_adj}
        I went with my {story_adj} {relation}
        I had had a {thing_adj} day at work
        afterwards we had {thing_adj} {food} in {place}
        the man at the box office was {story_adj}
        the {object} in it belongs to a {story_adj} {relation}
        the people in it lead {thing_adj} lives in {place}
        the {profession} lives in a {thing_adj} house with {count} {things}
        a {story_adj} {profession} wants to be a {story_adj} {profession}
    """,
    # Short texts without an opinion.
    "nothing": """
        20 {short_neutral}
        4 {neutral}
        7 {everyday}
        5 {story}
        {count} hours
        {count} hours long
        it was {count} hours long
        it is {number} minutes long
        it was ok
        it was an ok {short_film}
        the {short_part} was ok
        an average {short_film}
        the {short_part}
        the {short_parts}
        a {short_film}
        the {short_film} {was}
        {the_part} {was}
        {name}
        a {profession}
        the {object}
        {place}
        it is about a {profession}
        a {profession} and a {profession}
        I saw it on {day}
        we saw the {short_film} in {month}
        I watched it with my {relation}
        my {relation}
        {number} minutes
        {count} {things}
    """,
}

# Headings of `reviews_sentences.txt`; their sentences all have the same weight.
PAIRED = ("detail", "verdict", "turned", "told")
UNPAIRED = ("everyday",)


def _sentences() -> dict[str, str]:
    """Returns templates by heading: two per pair, `+` and `-`; novel ones have `*`."""
    found = dict.fromkeys((*PAIRED, *UNPAIRED), "")
    path = Path(__file__).parent / "reviews_sentences.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            name = line[2:]
        elif name in UNPAIRED:
            found[name] += f"{line}\n"
        else:
            novel = "*" if zlib.crc32(line.encode()) % HELD_OUT == 0 else ""
            for sign, text in zip("+-", line.split(" | "), strict=True):
                found[name] += f"{novel}{sign} {text}\n"
    return found


for name, lines in _sentences().items():
    (RULES if name in PAIRED else FILLERS)[name] = lines
