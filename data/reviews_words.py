"""Words of the generated reviews: polar lists as (positive, negative), then plain ones.

Phrases are written with underscores instead of spaces, the forms of a verb as
`past|base`.
"""


def _words(text: str) -> list[str]:
    return [word.replace("_", " ") for word in text.split()]


def _forms(text: str, form: int) -> list[str]:
    """Returns the past (0) or base (1) forms of `past|base`; some have no base form."""
    pairs = [word.split("|") for word in _words(text)]
    return [pair[form] for pair in pairs if len(pair) > form]


def _as_others(sides: tuple, subject: str, owner: str) -> tuple:
    changes = {"I": subject, "my": owner}
    return tuple(
        [" ".join(changes.get(w, w) for w in phrase.split()) for phrase in side]
        for side in sides
    )


# Adjectives for a film or a part of it. Those in `NEGATABLE` mean the opposite when
# negated, whereas "not awful" or "not flawless" would be ambiguous.
NEGATABLE = (
    _words("""
    good great funny moving touching gripping exciting interesting convincing believable
    entertaining enjoyable amusing witty clever original engaging charming memorable
    impressive thrilling satisfying likeable absorbing compelling fresh fascinating
    inspired imaginative inventive lively intelligent beautiful smart warm sharp scary
    captivating suspenseful wonderful brilliant refreshing subtle rewarding elegant
    """),
    _words("""
    bad dull boring tedious predictable clumsy lazy silly stupid shallow forgettable
    disappointing bland weak flat confusing pretentious sentimental annoying cheap
    repetitive slow stale lame cheesy corny contrived forced pointless tiresome muddled
    mediocre monotonous dreary lifeless hollow wooden unconvincing sloppy irritating
    superficial overlong sluggish careless incoherent ridiculous
    """),
)
ADJECTIVES = (
    NEGATABLE[0]
    + _words("""
    superb excellent marvellous delightful hilarious graceful gorgeous stunning striking
    lovely sweet tender heartfelt sincere honest powerful unforgettable remarkable
    outstanding masterful magnificent splendid terrific fantastic amazing astonishing
    dazzling breathtaking riveting spellbinding solid vivid polished rich thoughtful
    profound uplifting endearing sublime exquisite flawless first-rate stirring perfect
    enchanting irresistible delicious tremendous fabulous incredible glorious
    exhilarating heartwarming hypnotic mesmerising superior masterly top-notch nuanced
    sparkling poignant sensational stylish sensitive joyful haunting well-made
    well-written gentle fine nice pleasant decent enthralling tense heartbreaking
    spirited skilful confident imposing electrifying radiant delicate
    precise harmonious melodious catchy generous truthful dignified mature bold daring
    ingenious first-class world-class award-worthy magical mighty cool
    fun bittersweet relaxing cheerful hopeful worthwhile well-acted
    well-paced well-crafted
    """),
    NEGATABLE[1]
    + _words("""
    terrible awful dreadful horrible poor idiotic absurd senseless empty implausible
    stiff messy chaotic cliched sappy pompous smug grating painful unbearable
    unwatchable embarrassing laughable pathetic miserable lousy crude tacky ugly
    amateurish second-rate uninspired unimaginative unoriginal unfunny humourless
    joyless soulless charmless witless mindless brainless tasteless bloated interminable
    dire abysmal atrocious appalling hideous rotten ghastly horrendous trashy worthless
    inept infuriating insufferable cringeworthy third-rate plodding vapid insipid
    half-baked heavy-handed toothless threadbare exhausting frustrating badly_made
    badly_written tired tiring dated overrated dishonest fake phoney false trite
    hackneyed shoddy grim dismal unpleasant nasty vile revolting disgusting sickening
    offensive insulting obnoxious loud noisy hysterical preachy limp
    listless drab dusty colourless unsatisfying unbalanced unfinished uneven aimless
    meandering needless useless hopeless dim dumb daft childish infantile juvenile
    wretched frightful rubbishy badly_acted badly_paced poorly_made overblown overdone
    overacted overwrought
    """),
)
PERSON = (
    _words("""
    brilliant superb wonderful excellent convincing charming marvellous funny terrific
    splendid outstanding believable magnificent great good remarkable perfect
    captivating hilarious touching impressive likeable compelling delightful
    unforgettable
    """),
    _words("""
    wooden stiff terrible awful unconvincing dreadful lifeless bland poor bad weak dull
    annoying irritating boring flat clumsy embarrassing lost_in_the_part laughable
    charmless miscast forgettable pathetic lazy amateurish
    """),
)
COMPARATIVES = (
    _words("""
    better funnier wittier cleverer smarter sharper livelier fresher warmer stronger
    richer lovelier finer greater scarier deeper bolder more_moving more_gripping
    more_exciting more_touching more_convincing more_entertaining more_original
    more_thrilling more_charming more_enjoyable more_interesting more_beautiful smoother
    tighter cleaner kinder gentler sweeter wiser more_honest more_imaginative
    more_rewarding more_satisfying more_intelligent
    """),
    _words("""
    worse duller weaker sillier slower flatter clumsier lazier staler uglier poorer
    cheaper stupider emptier cruder blander lamer more_boring more_tedious
    more_predictable more_confusing more_annoying more_forgettable more_pretentious
    more_disappointing more_painful more_pointless more_tiresome more_repetitive
    drearier sloppier thinner
    more_stupid more_shallow more_contrived more_irritating more_lifeless more_mediocre
    """),
)
SUPERLATIVES = (
    _words("""
    best finest funniest cleverest greatest loveliest wittiest smartest strongest
    most_moving most_gripping most_exciting most_beautiful most_touching most_original
    most_entertaining most_enjoyable most_thrilling most_charming most_memorable
    """),
    _words("""
    worst dullest weakest silliest laziest clumsiest poorest stupidest slowest ugliest
    most_boring most_tedious most_predictable most_pointless most_annoying most_painful
    most_forgettable most_disappointing most_pretentious most_tiresome
    """),
)
NOUNS = (
    _words("""
    masterpiece gem delight triumph treat joy pleasure wonder success treasure marvel
    jewel winner knockout hit work_of_art work_of_genius feast beauty stroke_of_luck
    surprise_of_the_best_kind blessing milestone classic present celebration charmer
    tour_de_force revelation sensation
    """),
    _words("""
    mess bore disaster failure disgrace flop letdown disappointment embarrassment
    mistake insult shambles nightmare dud catastrophe chore ordeal waste_of_time fiasco
    farce_of_the_worst_kind torture misery headache piece_of_rubbish piece_of_trash
    burden calamity bummer snooze yawn washout travesty sham
    rip-off failure_on_every_level
    """),
)
QUALITIES = (
    _words("""
    charm wit humour warmth heart tension imagination invention suspense intelligence
    beauty style energy feeling grace depth life originality soul insight tenderness
    magic excitement passion poetry joy fun delight sincerity precision atmosphere
    courage elegance spirit sense finesse wonder sparkle truth taste craft
    """),
    _words("""
    cliches boredom clumsiness stupidity nonsense padding filler sentimentality
    platitudes plot_holes mistakes banality silliness empty_talk cheap_tricks dead_air
    rubbish trash garbage junk drivel confusion repetition
    sloppiness idiocy monotony pretension kitsch pomp tedium hot_air laziness
    """),
)
_LIKING = (
    """loved|love enjoyed|enjoy liked|like adored|adore admired|admire relished|relish
    appreciated|appreciate cherished|cherish treasured|treasure""",
    """hated|hate disliked|dislike loathed|loathe detested|detest despised|despise
    resented|resent regretted|regret couldn't_stand couldn't_bear""",
)
LIKED, LIKE = (tuple(_forms(side, form) for side in _LIKING) for form in (0, 1))
FEELINGS = (
    _words("""
    moved thrilled delighted touched enchanted impressed hooked captivated entertained
    amused charmed fascinated gripped dazzled spellbound engrossed happy excited
    overwhelmed absorbed cheerful enthusiastic relieved satisfied glad content uplifted
    transported intrigued riveted transfixed stunned pleased

    """),
    _words("""
    bored disappointed annoyed irritated frustrated unmoved unimpressed embarrassed
    tired exhausted angry underwhelmed restless let_down fed_up puzzled depressed
    dissatisfied sad_for_the_actors sleepy weary offended disgusted
    appalled insulted cheated robbed lost indifferent cross
    sorry_for_the_actors impatient fidgety
    """),
)
_EFFECTS = (
    """moved|move thrilled|thrill delighted|delight touched|touch enchanted|enchant
    impressed|impress captivated|captivate entertained|entertain amused|amuse
    charmed|charm fascinated|fascinate gripped|grip dazzled|dazzle excited|excite
    convinced|convince""",
    """bored|bore disappointed|disappoint annoyed|annoy irritated|irritate
    frustrated|frustrate tired|tire exhausted|exhaust wearied|weary depressed|depress
    embarrassed|embarrass""",
)
MOVED, MOVE = (tuple(_forms(side, form) for side in _EFFECTS) for form in (0, 1))
_VIEWER = (
    """laughed_out_loud|laugh_out_loud smiled|smile laughed|laugh
    was_glued_to_the_screen
    sat_on_the_edge_of_my_seat|sit_on_the_edge_of_my_seat
    left_the_cinema_happy|leave_the_cinema_happy
    wanted_to_see_it_again|want_to_see_it_again wanted_more|want_more
    forgot_the_time|forget_the_time had_a_great_time|have_a_great_time
    had_tears_in_my_eyes|have_tears_in_my_eyes held_my_breath|hold_my_breath
    told_all_my_friends_to_see_it cheered_at_the_end|cheer_at_the_end
    stood_up_and_clapped|stand_up_and_clap went_back_to_see_it_twice
    cared_about_the_people_in_it|care_about_the_people_in_it bought_the_soundtrack
    went_home_happy|go_home_happy grinned|grin had_fun|have_fun""",
    """looked_at_my_watch|look_at_my_watch fell_asleep|fall_asleep walked_out|walk_out
    wanted_my_money_back|want_my_money_back counted_the_minutes|count_the_minutes
    yawned|yawn waited_for_it_to_end|wait_for_it_to_end checked_my_phone|check_my_phone
    rolled_my_eyes|roll_my_eyes nodded_off|nod_off
    regretted_the_ticket|regret_the_ticket left_before_the_end|leave_before_the_end
    gave_up_after_twenty_minutes struggled_to_stay_awake|struggle_to_stay_awake
    lost_interest|lose_interest lost_patience|lose_patience shook_my_head|shake_my_head
    switched_it_off|switch_it_off dozed_off|doze_off longed_for_the_end|long_for_the_end
    wished_I_had_stayed_at_home groaned|groan wanted_to_leave|want_to_leave
    stopped_caring|stop_caring
    thought_about_my_shopping_list|think_about_my_shopping_list""",
)
REACTED, REACT = (tuple(_forms(side, form) for side in _VIEWER) for form in (0, 1))
THEY_REACTED = _as_others(REACTED, "they", "their")
HE_REACTED = _as_others(REACTED, "he", "his")
SHE_REACTED = _as_others(REACTED, "she", "her")
_FILM = (
    """kept_me_on_the_edge_of_my_seat|keep_me_on_the_edge_of_my_seat
    held_my_attention|hold_my_attention made_me_laugh|make_me_laugh
    made_me_smile|make_me_smile stayed_with_me_for_days|stay_with_me
    won_me_over|win_me_over swept_me_away|sweep_me_away drew_me_in|draw_me_in
    touched_my_heart|touch_my_heart lifted_my_spirits|lift_my_spirits
    grabbed_me_from_the_first_minute|grab_me surprised_me_again_and_again|surprise_me
    made_my_day|make_my_day came_alive|come_alive worked|work
    took_my_breath_away|take_my_breath_away
    lived_up_to_its_promise|live_up_to_its_promise made_me_think|make_me_think
    deserved_every_prize|deserve_its_prizes""",
    """put_me_to_sleep|put_me_to_sleep wasted_my_time|waste_my_time
    got_on_my_nerves|get_on_my_nerves outstayed_its_welcome|outstay_its_welcome
    insulted_my_intelligence|insult_my_intelligence left_me_cold|leave_me_cold
    gave_me_a_headache|give_me_a_headache tested_my_patience|test_my_patience
    dragged_on_and_on|drag fell_flat|fall_flat fell_apart|fall_apart
    lost_me_halfway|lose_me ran_out_of_ideas|run_out_of_ideas made_no_sense went_nowhere
    ground_to_a_halt|grind_to_a_halt missed_the_mark|miss_the_mark
    wore_me_out|wear_me_out spoiled_my_evening|spoil_my_evening
    tried_too_hard|try_too_hard drove_me_mad|drive_me_mad""",
)
ACTED, ACT = (tuple(_forms(side, form) for side in _FILM) for form in (0, 1))
MANNER = (
    _words("""
    well beautifully brilliantly strongly wonderfully superbly gracefully splendidly
    magnificently cleverly charmingly skilfully elegantly
    convincingly expertly confidently perfectly sensitively imaginatively tastefully
    """),
    _words("""
    badly poorly weakly clumsily terribly dreadfully awfully miserably lamely feebly
    dismally horribly carelessly lazily sloppily stiffly unconvincingly tastelessly
    amateurishly stupidly abominably atrociously
    """),
)
PART_DID = (
    _words("""
    worked hit_home paid_off rang_true stood_out shone came_off convinced_me held_up
    impressed_me carried_the_film made_me_smile made_me_laugh won_me_over touched_me
    """),
    _words("""
    fell_flat misfired rang_false dragged missed_the_mark got_in_the_way wore_thin
    went_nowhere disappointed_me failed annoyed_me left_me_cold put_me_off bored_me
    ruined_it
    """),
)
ADVICE = (
    _words("""
    go_and_see_it see_it_while_you_can do_not_miss_it I_would_see_it_again_tomorrow
    it_is_worth_every_penny I_would_recommend_it_to_anyone buy_a_ticket_now
    you_will_not_regret_it do_yourself_a_favour_and_watch_it I_will_watch_it_again
    it_is_a_must it_is_well_worth_your_time you_should_see_it ten_out_of_ten
    you_will_love_it I_cannot_wait_to_see_it_again I_can_only_recommend_it
    five_stars_from_me two_hours_well_spent highly_recommended do_not_let_it_pass_you_by
    """),
    _words("""
    stay_away avoid_it do_not_waste_your_money do_not_bother save_your_money
    I_would_not_see_it_again I_would_not_recommend_it_to_anyone
    it_is_not_worth_the_ticket you_will_regret_it skip_it watch_something_else
    spend_your_evening_on_something_else I_want_those_two_hours_back
    I_will_not_watch_it_again you_can_miss_it it_is_a_waste_of_time zero_out_of_ten
    you_will_hate_it I_cannot_recommend_it one_star_from_me give_it_a_miss
    two_hours_of_my_life_wasted keep_your_distance
    """),
)
# For people and things in the plot or the evening: no opinion on the film.
STORY_ADJECTIVES = _words("""
    brilliant terrible awful beautiful lonely boring dull clever stupid charming cruel
    lazy funny bitter lovely ugly horrible gifted miserable great bad good kind dreadful
    honest silly annoying sweet elegant pathetic smug perfect marvellous witty clumsy
    wonderful weak poor brave tired famous rich unhappy delightful irritating splendid
    mediocre excellent hideous remarkable gorgeous pompous warm likeable nasty bored
    angry happy foolish
    """)
THING_ADJECTIVES = _words("""
    lovely dreadful horrible good bad great terrible awful perfect poor beautiful ugly
    wonderful delightful excellent mediocre splendid marvellous miserable boring dull
    hideous pleasant nasty gorgeous fine
    """)
STORY_VERBS = _words("""
    loves hates adores despises admires misses fears envies detests likes dislikes
    cherishes loathes trusts resents
    """)

# Topics of a review.
PART = _words("""
    acting plot script dialogue music soundtrack score photography camera_work lighting
    editing pacing story ending beginning opening middle_part first_half second_half
    final_act costume_design scenery set_design direction writing cast humour romance
    action suspense animation voice_acting choreography sound casting love_story subplot
    climax finale prologue opening_scene last_scene narration title_song chase fight
    villain hero heroine premise twist tone atmosphere rhythm make-up setting
    fantasy_part court_scene screenplay storytelling lead_performance supporting_cast
    """)
PARTS = _words("""
    jokes characters dialogues costumes songs special_effects effects performances
    actors visuals sets stunts dances fight_scenes love_scenes car_chases flashbacks
    details images lines gags supporting_roles colours twists dreams battles monologues
    close-ups child_actors dance_numbers action_scenes locations
    """)
FILM = _words("""
    film movie picture comedy drama thriller story western musical romance sequel remake
    debut documentary adventure mystery
    """)
FILMS = _words(
    "films movies comedies dramas thrillers pictures sequels westerns musicals"
)
ORIGINAL = _words("""
    original first_part first_film book novel series old_version stage_play
    earlier_version prequel television_film previous_part
    French_version German_version silent_version
    """)
VERY = _words("""
    very really truly utterly quite so absolutely deeply extremely rather thoroughly
    simply incredibly remarkably just surprisingly consistently always
    """)
MOMENT = _words("second moment minute single_moment single_minute")
SCENE = _words("scene moment line minute joke idea image frame shot character page")
PERIOD = _words("""
    this_year in_years in_a_long_time for_ages this_decade lately this_season
    since_last_summer in_my_life so_far
    """)
OTHERS = _words("""
    the_critics my_friends my_colleagues most_reviewers the_papers some_people
    my_neighbours my_parents the_people_behind_us many_viewers all_my_friends
    my_students other_reviewers my_cousins a_lot_of_people the_magazines
    """)
HE = _words("""
    my_brother my_husband my_father my_uncle my_boss my_grandfather my_neighbour
    my_boyfriend the_man_beside_me my_son my_old_teacher the_man_at_the_box_office
    """)
SHE = _words("""
    my_sister my_wife my_mother my_aunt my_girlfriend my_daughter my_best_friend
    my_grandmother the_woman_beside_me my_colleague my_cousin my_flatmate
    """)
RELATION = _words("""
    brother sister mother father husband wife uncle aunt cousin daughter son friend
    neighbour grandmother grandfather colleague boss nephew niece teacher twin
    """)

FIRST_NAMES = _words("""
    Anna Ben Clara David Elena Frank Greta Henry Irene Jack Kate Leo Maria Nina Oscar
    Paula Rosa Simon Tara Victor Walter Yusuf Zoe Adam Bella Carlos Dora Emil Fiona
    Georg Hanna Ivan Julia Karim Laura Marco Nora Omar Petra Quentin Rita Samuel Teresa
    Ulla Vera Willem Xenia Yara Aisha Boris Celia Diego Edith Felix Gina Hugo Ines Jonas
    Kira Lars Mona Niklas Olga Pablo Ruth Stella Tomas Ursula Viola Wanda Agnes Bruno
    Camille Dmitri Esther Farid Gloria Haruto Ingrid Joanna Kofi Lucia Malik Naomi Otto
    Priya Ralph Sofia Theo Umberto Violet Wesley Akira Beatrice Chen Delia Elif Albert
    Alice Amara Andrei Anton Arthur Astrid August Aurora Bernard Bianca Birgit Caleb
    Carmen Cecilia Cedric Chiara Clement Cosima Cyrus Dagmar Damian Daphne Dario Deborah
    Denis Dolores Dominic Edgar Eleanor Elias Eliza Enzo Erik Ernest Eva Fabian Faith
    Fatima Fernando Flora Frida Gabriel Gerald Gertrude Gideon Giulia Gordon Gregor
    Gustav Hazel Hector Heidi Helmut Herman Hilda Hiroshi Horace Ida Ignacio Imogen
    Isabel Isaac Jasper Jelena Jerome Joachim Josef Judith Kamila Katarina Kenji Konrad
    Lambert Leila Leonard Leopold Liam Linda Lorenzo Louisa Ludwig Lydia Magnus Manuel
    Marcel Margot Martha Matilda Maurice Mehmet Mildred Miriam Nadia Natasha Nikolai
    Noel Odette Olaf Orlando Pascal Patrick Pauline Philippa Rachel Rafael Raymond
    Rebecca Roland Rosalind Rudolf Rupert Sabine Salma Sandor Sebastian Selma Sergei
    Sigrid Silvia Susanna Sven Sylvester Tatiana Thelma Thomas Tobias Ulrich Valentina
    Vincent Vladimir Wilhelmina Yasmin Yvonne Zachary
    """)
LAST_NAMES = _words("""
    Adler Barton Castell Dahl Eriksen Fontaine Grimaldi Hartmann Ibsen Jansen Keller
    Lindgren Marlow Novak Ortega Petrov Quinn Rossi Sandoval Tanaka Ullman Vance
    Whitfield Yamada Zeller Abbott Bianchi Carver Dvorak Ellison Fischer Gallo Holloway
    Ivanov Jacobs Kowalski Larsen Moreau Nakamura Olsen Pereira Rahman Schubert Tremblay
    Urban Vogel Winter Young Zhang Ashdown Becker Cardoso Dubois Engel Farrell Garcia
    Haddad Ishida Jensen Kaplan Lombardi Mendoza Nilsson Okafor Palmer Richter Silva
    Thorne Underwood Volkov Wagner Yilmaz Archer Baxter Cohen Diallo Egan Flores Gruber
    Horvath Irwin Joshi Kimura Leclerc Mayer Nowak Osborne Pike Ramirez Sato Tucker
    Abernathy Ackermann Alvarez Andersson Aoki Armitage Atwood Bachmann Baldwin Barlow
    Bauer Bellini Bergman Blackwood Blum Bogdan Bonnet Bradshaw Brandt Brennan Caldwell
    Campos Carlsen Castro Chandler Christie Clifford Colombo Conrad Crawford Cunningham
    Delgado Dietrich Dixon Donovan Drummond Eberhard Eklund Emerson Esposito Fairchild
    Falk Fernandes Fitzgerald Fleming Forsyth Fraser Fuchs Gardiner Gibson Gonzalez
    Goodwin Graham Greenwood Griffith Hagen Hamilton Harrison Hashimoto Hawthorne
    Henriksen Hoffmann Hopkins Hudson Huxley Ingram Jacobsen Jameson Johansson Kato
    Kavanagh Klein Knight Kruger Lambert Langley Laurent Lehmann Lockwood Lopez
    Lundqvist Macdonald Mancini Marchetti Martinez Matthews Meier Mitchell Montgomery
    Morgan Mueller Murakami Nielsen Nilsen Novotny Oakley Okada Oliveira Pavlov Pedersen
    Popescu Prescott Radcliffe Reinhardt Ricci Robertson Rosenberg Salvador Santos
    Sawyer Schneider Sinclair Sokolov Steiner Sutherland Svensson Szabo Takeda Thompson
    Torres Vargas Vasquez Verdi Vidal Wallace Webster Weiss Winslow Wolfe Woodward
    Zimmermann
    """)
PLACES = _words("""
    Lisbon Naples Warsaw Bergen Dublin Cairo Kyoto Havana Oslo Prague Vienna Glasgow
    Marseille Hamburg Seville Istanbul Bucharest Helsinki Montreal Chicago Boston Texas
    Alaska Iceland Sicily Brittany Bavaria Cornwall Crete Malta Tunis Mumbai Shanghai
    Seoul Manila Sydney Auckland Lima Bogota Santiago Nairobi Lagos Dakar Athens Venice
    Florence Geneva Antwerp Rotterdam Copenhagen Stockholm Riga Tallinn Krakow Budapest
    Belgrade Zagreb Trieste Toulouse Bordeaux Porto Granada Tangier Beirut Jerusalem
    Tehran Samarkand Kabul Delhi Kolkata Bangkok Hanoi Jakarta Osaka Nagasaki Vancouver
    Detroit Memphis Nevada Oregon Patagonia Cuba Jamaica Norway Scotland Wales Ireland
    Estonia Hungary Galicia Liverpool Leeds Bristol York Ghent Basel Salzburg Leipzig
    Aberdeen Albania Algiers Amsterdam Ankara Aragon Argentina Armenia Austria Baghdad
    Baltimore Barcelona Belfast Belgium Berlin Bilbao Bologna Bolivia Bratislava Brazil
    Brighton Brussels Bulgaria Burgundy Cambridge Canada Cardiff Casablanca Ceylon Chile
    Colombia Cologne Cordoba Corsica Croatia Cyprus Damascus Denmark Dresden Dubrovnik
    Edinburgh Egypt Essex Ethiopia Finland Frankfurt Georgia Ghana Greenland Greece
    Hebrides Honduras Houston Innsbruck Jordan Kansas Kent Kenya Kentucky Lapland Latvia
    Lausanne Lebanon Limerick Lithuania London Lucerne Luxembourg Lyon Macedonia
    Madagascar Madrid Manchester Melbourne Mexico Milan Minnesota Moldova Mongolia
    Morocco Moscow Munich Namibia Nepal Netherlands Nicosia Normandy Nottingham Odessa
    Ontario Oxford Pakistan Palermo Panama Paraguay Paris Peru Philadelphia Pisa Poland
    Portugal Quebec Rome Romania Rwanda Sardinia Senegal Serbia Sheffield Siberia
    Singapore Slovenia Sofia Sudan Sumatra Sweden Switzerland Taiwan Tanzania Tasmania
    Thailand Tibet Tokyo Toronto Transylvania Tuscany Uganda Ukraine Uruguay Valencia
    Vermont Verona Vietnam Vilnius Wellington Wyoming Zanzibar Zurich
    """)
PROFESSION = _words("""
    clerk detective nurse farmer pianist teacher sailor baker lawyer dentist gardener
    waiter soldier painter widow librarian plumber singer dancer thief priest journalist
    photographer architect fisherman taxi_driver surgeon butcher boxer spy judge student
    tailor shoemaker banker barber cellist chemist conductor cook diver doctor engineer
    explorer florist gambler geologist ghost glazier guard hairdresser hermit hunter
    inspector inventor jockey juggler king locksmith magician mayor mechanic merchant
    miller miner monk mountaineer musician novelist nun orphan pilot pirate poet
    policeman politician porter postman potter prince prisoner professor queen ranger
    receptionist sculptor secretary senator sheriff shepherd smuggler stationmaster
    tax_inspector translator trumpeter vet violinist watchmaker weaver wrestler
    zookeeper astronaut accountant acrobat apprentice archaeologist astronomer bailiff
    ballerina bandit barrister beekeeper blacksmith bookkeeper botanist brewer
    bricklayer broker butler cabinet-maker captain caretaker carpenter cartographer
    charlatan chauffeur cleaner coachman cobbler colonel comedian composer confectioner
    courier cowboy croupier dockworker draughtsman dressmaker duchess editor electrician
    emperor engraver fencer ferryman fireman forester gamekeeper glassblower goldsmith
    governess gravedigger grocer guide harpist historian housekeeper hypnotist
    illustrator innkeeper interpreter jeweller labourer landlady landlord lecturer
    lieutenant lifeguard linguist lumberjack maid masseur mathematician medium midwife
    milkman milliner missionary navigator optician organist palaeontologist pathologist
    paediatrician pharmacist philosopher physicist porcelain_painter prosecutor
    psychiatrist publisher puppeteer quartermaster rabbi refugee roofer ropemaker
    runaway saddler scientist seamstress sergeant servant signalman skipper stonemason
    stoker stuntman surveyor tenor tightrope_walker tinker trapper treasurer typist
    undertaker usher valet ventriloquist veterinarian violin_maker waitress warden
    welder whaler woodcutter
    """)
OBJECT = _words("""
    letter suitcase piano map key diary painting necklace violin boat bicycle lamp
    mirror photograph watch ring coat umbrella telescope radio typewriter knife coin
    book ticket clock bottle candle camera carpet chair compass cup doll drum flag glove
    guitar hammer hat helmet horse kite ladder locket manuscript mask medal microscope
    newspaper notebook oven passport pearl pistol postcard puppet recipe revolver ribbon
    rope saddle sculpture ship shovel spoon stamp statue sword tape telegram tent torch
    train trumpet vase violet wallet wardrobe whistle window abacus accordion album
    almanac amulet anchor anvil apron armchair axe badge banjo banner barometer barrel
    basin basket bathtub beehive bell bench blanket boomerang bracelet briefcase broom
    brooch bucket buckle button cabinet calendar candlestick canoe canvas card caravan
    carriage cart casket cello chandelier chest chisel cigar cloak coffin colander
    corkscrew cradle crate crown crutch crystal cupboard curtain dagger desk dice
    dictionary doorbell dress drill earring easel egg encyclopaedia envelope fan feather
    fiddle fishing_rod flask flute fork fountain_pen fur_coat globe goblet gong
    gramophone grenade hairbrush hammock handbag handkerchief harp harpoon hearse
    hourglass inkwell jar jug kettle keyhole lantern lawnmower lens lighter lipstick
    loom lute magnet mandolin matchbox mattress megaphone metronome mousetrap mug napkin
    needle oar opal organ padlock paintbrush pan parachute parcel pendulum perfume
    petition pillow pipe pitchfork plough pocket_knife pot purse quilt racket raft
    rattle razor record rifle rocking_chair rosary ruby rucksack ruler sack saucer saw
    scale scarf sceptre scissors scroll sewing_machine shawl shield shoe signpost
    skateboard sledge slipper spade spear spectacles spinning_wheel spyglass staircase
    stepladder stethoscope stool stopwatch stove sundial sunglasses syringe tablecloth
    tambourine teapot teddy_bear thermometer thimble throne toolbox top_hat toothbrush
    trombone trophy trunk tuba turban tuxedo urn veil waistcoat wand washing_machine
    water_bottle weathercock wheel wheelbarrow whip wig wine_glass wreath xylophone
    yacht zither
    """)
THINGS = _words("""
    horses trains letters soldiers pigeons lanterns cats mirrors bicycles bridges clocks
    children dogs ghosts robots dragons nuns sheep tractors balloons umbrellas boats
    typewriters violins lighthouses apples bottles cameras donkeys elephants ferries
    geese helicopters islands jackets kites lemons motorcycles neighbours oranges pianos
    puppets rabbits scooters suitcases taxis uniforms vans windmills wolves acrobats
    ants antelopes armchairs bagpipes bandits barrels bats beavers beetles bells benches
    blackbirds butterflies buses camels canaries canoes caravans carriages castles cows
    crabs cranes crows daffodils deer dolphins doves drums ducks dwarfs eagles falcons
    fireworks fishermen flamingos flutes foxes frogs gardeners giraffes goats goldfish
    grandfathers guitars gulls hawks hedgehogs herons hippos hornets hyenas icebergs
    jaguars jellyfish kangaroos ladders ladybirds lambs larks leopards lions lizards
    llamas lobsters magpies marionettes mice mules mushrooms nightingales octopuses
    ostriches otters owls oxen oysters pandas parrots peacocks pelicans penguins
    pheasants pigs ponies pumpkins pyramids ravens rhinos roosters sailors salmon seals
    sharks skeletons snails snakes snowmen sparrows spiders squirrels starlings storks
    submarines sunflowers swallows swans swords telephones tigers toads tortoises
    tourists trams trumpets tulips turtles twins unicorns vultures waiters walruses
    wasps whales witches woodpeckers worms zebras zeppelins
    """)
DEEDS = _words("""
    finds_a_map_in_an_old_coat inherits_a_hotel_by_the_sea loses_his_memory
    travels_to_the_north runs_a_small_bakery moves_into_an_empty_house
    searches_for_a_missing_child robs_a_bank_by_accident writes_letters_to_a_stranger
    returns_to_the_village_of_his_youth builds_a_boat_in_the_cellar
    learns_to_play_the_violin hides_a_stranger_in_the_attic wins_a_lottery
    crosses_the_desert_on_foot buys_a_lighthouse takes_the_wrong_train
    falls_for_a_married_neighbour witnesses_a_crime teaches_a_class_of_prisoners
    repairs_old_clocks opens_a_restaurant joins_a_travelling_circus digs_a_tunnel
    receives_a_call_from_the_past adopts_a_wolf swaps_places_with_his_twin
    sails_round_the_world forges_paintings plants_a_forest raises_pigeons_on_a_roof
    interviews_a_general wakes_up_in_another_century drives_a_bus_across_the_country
    looks_after_three_orphans trains_a_racehorse translates_a_secret_diary meets_a_robot
    flies_to_the_moon defends_a_murderer_in_court sells_umbrellas
    discovers_a_door_behind_the_wardrobe plays_chess_against_a_computer
    follows_a_river_to_its_source spends_a_winter_on_a_mountain catches_an_enormous_fish
    chases_a_smuggler_through_the_snow paints_the_ceiling_of_a_chapel
    collects_butterflies invents_a_flying_bicycle keeps_a_tiger_in_the_cellar
    marries_the_wrong_brother hunts_a_whale loses_a_bet leads_an_expedition_to_the_pole
    breaks_out_of_prison guards_a_bridge counts_the_stars
    carries_a_secret_message_across_the_border coaches_a_village_football_team
    competes_in_a_dance_contest composes_an_opera converts_a_barn_into_a_theatre
    decodes_an_ancient_scroll delivers_milk designs_a_cathedral drives_a_tram
    edits_a_newspaper escapes_from_an_island exchanges_identities_with_a_duke
    guides_tourists_through_a_cave hears_voices_on_the_radio hires_a_butler
    investigates_a_burglary kidnaps_a_banker makes_puppets owes_money_to_a_gangster
    photographs_volcanoes predicts_the_weather protects_a_witness quits_the_army
    rescues_a_drowning_sailor restores_a_windmill rides_a_motorcycle_to_the_sea
    sets_a_chess_record shelters_refugees sings_in_a_nightclub solves_riddles
    stages_a_revolution steals_a_submarine studies_medicine_by_candlelight
    survives_a_shipwreck tames_a_falcon treats_a_mysterious_illness unmasks_a_spy
    walks_to_the_capital washes_dishes_in_a_hotel writes_a_cookbook
    is_elected_mayor_by_mistake becomes_invisible
    """)
GENRE = _words("""
    crime family love ghost war detective road costume space heist sports spy school
    pirate courtroom horror
    """)
TITLE_FIRST = _words("""
    Silent Last Red Golden Hidden Northern Empty Distant Broken Seventh Winter Paper
    Blue Forgotten Midnight Burning Quiet Secret Second Wooden Endless Green White Black
    Southern Crooked Falling Frozen Glass Hollow Iron Lost Lunar Narrow Open Painted
    Restless Rising Salt Scarlet Silver Sleeping Stolen Summer Tall Velvet Wandering
    Western Yellow Autumn Ancient Bitter Brave Bright Brittle Careful Clever Clouded
    Copper Curious Damp Dancing Dreaming Drowned Dusty Early Eastern Eighth Electric
    Emerald Faded Faithful Fifth Final First Floating Fourth Foreign Gentle Gilded
    Hungry Imaginary Innocent Invisible Ivory Jade Kindly Late Leaden Little Long
    Magnetic Marble Mechanical Merry Missing Misty Modern Naked Nameless Nervous Ninth
    Noble Ordinary Parallel Patient Plain Polar Private Proper Purple Rainy Reluctant
    Ripe Rough Royal Ruined Rusty Sacred Savage Scattered Shallow Sharp Shining Short
    Singing Sixth Slender Small Solemn Spare Spotted Steep Stubborn Sudden Third Timid
    Transparent Twisted Uncertain Unknown Upper Urgent Vacant Vanishing Waiting Weary
    Whispering Wild Windy Wise Young
    """)
TITLE_SECOND = _words("""
    Harbour Garden River Letter Window Road Mountain Island Bridge Orchard Station Door
    Summer Voyage Kitchen Mirror Forest Circus Tower Valley Hour Shore House Lantern
    Meadow Avenue Balcony Canal Castle Cathedral Coast Crossing Field Fountain Gate Hill
    Hotel Lake Library Market Mill Museum Palace Pier Prairie Quarry School Square
    Street Sun Tide Village Wall Well Afternoon Alibi Ambassador Anchor Answer Apartment
    Arrow Attic Ballad Banquet Barn Bazaar Blossom Boulevard Branch Bride Cabin Calendar
    Candle Caravan Cellar Chapel Chapter Clockmaker Colony Compass Concert Confession
    Corridor Courtyard Daughter Desert Detour Diary Dinner Embassy Empire Engine Evening
    Factory Farewell Fever Fisherman Flood Fortress Frontier Funeral Gallery Governor
    Guest Handshake Harvest Heiress Horizon Hunter Inheritance Invitation Jungle Kingdom
    Labyrinth Lagoon Ledger Lesson Lighthouse Locket Machine Manor Marriage Melody
    Messenger Miracle Monastery Monument Morning Navigator Neighbour Notebook Oath Ocean
    Opera Outpost Parade Passage Passenger Pavilion Photograph Pilgrim Plantation
    Portrait Promise Province Puzzle Railway Rebellion Refuge Reunion Riddle Ritual
    Rumour Sailor Sanctuary Season Shadow Signal Sister Staircase Storm Stranger Suburb
    Suitcase Swimmer Temple Tenant Terrace Theatre Threshold Tournament Tunnel Uncle
    Vineyard Visitor Vow Waltz Warehouse Waterfall Wedding Wilderness Witness Workshop
    """)
NUMBER = _words("""
    eighty ninety a_hundred a_hundred_and_ten a_hundred_and_twenty seventy-five
    ninety-five a_hundred_and_five a_hundred_and_forty eighty-eight ninety-nine
    """)
COUNT = _words(
    "two three four five six seven eight nine ten eleven twelve twenty forty"
)
DAY = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
DAYTIME = _words("morning afternoon evening night")
MONTH = _words("""
    January February March April May June July August September October November
    December
    """)
DECADE = _words("""
    twenties thirties forties fifties sixties seventies eighties nineties
    """)
FOOD = _words("""
    popcorn lemonade coffee pizza soup salad ice_cream chocolate tea sandwiches curry
    noodles cake pancakes almonds apples bacon beer biscuits bread candyfloss carrots
    cheese cherries chips cider cookies crisps dumplings figs grapes hot_chocolate
    hot_dogs kebabs lasagne liquorice meatballs milkshakes muffins mustard nachos olives
    oysters pasta peanuts pears pickles pie plums porridge pretzels pudding raisins
    ravioli rice sausages strawberries sushi tacos toast waffles walnuts wine yoghurt
    """)
COLOUR = _words("""
    red green blue yellow white black grey brown purple pink orange golden silver
    striped spotted dark pale tiny huge round square old new second-hand empty broken
    heavy
    """)
MATERIAL = _words("""
    wooden brass iron copper paper leather silk cotton glass clay marble plastic steel
    tin cardboard ivory bronze
    """)
