"""Names that people and tools give to time zones, as data.

`ABBREVIATIONS` are fixed offsets: a text that ends in "EST" means UTC-5, in July as well. Letters that
several countries use are read as the United States use them where exports nearly always do (EST, CST, MST,
PST and their daylight forms); where no reading is safe they are in `AMBIGUOUS` and refused. Both give
way to the zone that the person names, where that zone uses these letters (`zones.offset_by_letters`).
`TITLES` are the names of Windows (Unicode CLDR, windowsZones, territory 001), and those of Rails and
Calendly that are not simply a city: cities are found among the IANA names.
"""

from __future__ import annotations

_ABBREVIATIONS_BY_HOURS: dict[float, str] = {
    -10: "HST",
    -9: "AKST HDT",
    -8: "AKDT PST",
    -7: "MST PDT",
    -6: "CST MDT",
    -5: "CDT EST",
    -4: "EDT",
    -3.5: "NST",
    -3: "BRT",
    -2.5: "NDT",
    0: "GMT UCT UT UTC WET Z ZULU",
    1: "CET MEZ WAT WEST",
    2: "CAT CEST EET MESZ SAST",
    3: "EAT EEST IDT MSK TRT",
    5: "PKT",
    5.75: "NPT",
    7: "ICT WIB",
    8: "AWST HKT SGT WITA",
    9: "JST KST WIT",
    9.5: "ACST",
    10: "AEST",
    10.5: "ACDT",
    11: "AEDT",
    12: "NZST",
    13: "NZDT",
}
# Letters → hours east of Greenwich.
ABBREVIATIONS = {
    letters: hours for hours, names in _ABBREVIATIONS_BY_HOURS.items() for letters in names.split()
}

# India, Ireland or Israel; British summer or Bangladesh; Atlantic or Arabia; Armenia or Amazonas; ...
AMBIGUOUS = frozenset({"IST", "BST", "AST", "ADT", "AMT", "GST", "SST", "WST", "ECT"})

# Letters used in places for which the IANA data has only numbers ("+04"); elsewhere it has the letters.
LOCAL_LETTERS = {
    "AMT": frozenset({"Asia/Yerevan", "America/Manaus", "America/Cuiaba", "America/Porto_Velho"}),
    "AST": frozenset(
        {"Asia/Riyadh", "Asia/Baghdad", "Asia/Kuwait", "Asia/Qatar", "Asia/Bahrain", "Asia/Aden"}
    ),
    "BST": frozenset({"Asia/Dhaka"}),
    "ECT": frozenset({"America/Guayaquil"}),
    "GST": frozenset({"Asia/Dubai", "Asia/Muscat", "Atlantic/South_Georgia"}),
    "WST": frozenset({"Pacific/Apia"}),
}

# One zone a line: IANA name, then the titles it goes by.
TITLES = """
Africa/Algiers: West Central Africa
Africa/Cairo: Egypt Standard Time
Africa/Casablanca: Morocco Standard Time
Africa/Johannesburg: South Africa Standard Time; Pretoria
Africa/Juba: South Sudan Standard Time
Africa/Khartoum: Sudan Standard Time
Africa/Lagos: W. Central Africa Standard Time
Africa/Nairobi: E. Africa Standard Time
Africa/Sao_Tome: Sao Tome Standard Time
Africa/Tripoli: Libya Standard Time
Africa/Windhoek: Namibia Standard Time
America/Adak: Aleutian Standard Time
America/Anchorage: Alaskan Standard Time; Alaska; Alaska Time
America/Araguaina: Tocantins Standard Time
America/Argentina/Buenos_Aires: Argentina Standard Time
America/Asuncion: Paraguay Standard Time
America/Bahia: Bahia Standard Time
America/Bogota: SA Pacific Standard Time
America/Cancun: Eastern Standard Time (Mexico)
America/Caracas: Venezuela Standard Time
America/Cayenne: SA Eastern Standard Time
America/Chicago: Central Standard Time; Central Time (US & Canada); Central Time; CT
America/Cuiaba: Central Brazilian Standard Time
America/Denver: Mountain Standard Time; Mountain Time (US & Canada); Mountain Time; MT
America/Edmonton: Alberta Standard Time
America/Grand_Turk: Turks And Caicos Standard Time
America/Guatemala: Central America Standard Time; Central America
America/Guyana: Georgetown
America/Halifax: Atlantic Standard Time; Atlantic Time (Canada); Atlantic Time
America/Havana: Cuba Standard Time
America/Indiana/Indianapolis: US Eastern Standard Time; Indiana (East)
America/La_Paz: SA Western Standard Time
America/Lima: Quito
America/Los_Angeles: Pacific Standard Time; Pacific Time (US & Canada); Pacific Time; PT
America/Mazatlan: Mountain Standard Time (Mexico)
America/Mexico_City: Central Standard Time (Mexico); Guadalajara
America/Miquelon: Saint Pierre Standard Time
America/Montevideo: Montevideo Standard Time
America/New_York: Eastern Standard Time; Eastern Time (US & Canada); Eastern Time; ET
America/Nuuk: Greenland Standard Time; Greenland
America/Phoenix: US Mountain Standard Time; Arizona
America/Port-au-Prince: Haiti Standard Time
America/Punta_Arenas: Magallanes Standard Time
America/Regina: Canada Central Standard Time; Saskatchewan
America/Santiago: Pacific SA Standard Time
America/Sao_Paulo: E. South America Standard Time; Brasilia
America/St_Johns: Newfoundland Standard Time; Newfoundland; Newfoundland Time
America/Tijuana: Pacific Standard Time (Mexico)
America/Vancouver: British Columbia Standard Time
America/Whitehorse: Yukon Standard Time
America/Winnipeg: Manitoba Standard Time
Asia/Amman: Jordan Standard Time
Asia/Baghdad: Arabic Standard Time
Asia/Baku: Azerbaijan Standard Time
Asia/Bangkok: SE Asia Standard Time; Hanoi
Asia/Barnaul: Altai Standard Time
Asia/Beirut: Middle East Standard Time
Asia/Bishkek: Central Asia Standard Time
Asia/Chita: Transbaikal Standard Time
Asia/Colombo: Sri Lanka Standard Time; Sri Jayawardenepura
Asia/Damascus: Syria Standard Time
Asia/Dhaka: Bangladesh Standard Time
Asia/Dubai: Arabian Standard Time; Abu Dhabi
Asia/Hebron: West Bank Standard Time
Asia/Hovd: W. Mongolia Standard Time
Asia/Irkutsk: North Asia East Standard Time
Asia/Jerusalem: Israel Standard Time
Asia/Kabul: Afghanistan Standard Time
Asia/Kamchatka: Russia Time Zone 11; Kamchatka
Asia/Karachi: Pakistan Standard Time; Islamabad
Asia/Kathmandu: Nepal Standard Time
Asia/Kolkata: India Standard Time; Chennai; Mumbai; New Delhi
Asia/Krasnoyarsk: North Asia Standard Time
Asia/Magadan: Magadan Standard Time
Asia/Novosibirsk: N. Central Asia Standard Time
Asia/Omsk: Omsk Standard Time
Asia/Pyongyang: North Korea Standard Time
Asia/Qyzylorda: Qyzylorda Standard Time
Asia/Riyadh: Arab Standard Time
Asia/Sakhalin: Sakhalin Standard Time
Asia/Seoul: Korea Standard Time
Asia/Shanghai: China Standard Time; Beijing
Asia/Singapore: Singapore Standard Time
Asia/Srednekolymsk: Russia Time Zone 10
Asia/Taipei: Taipei Standard Time
Asia/Tashkent: West Asia Standard Time
Asia/Tbilisi: Georgian Standard Time
Asia/Tehran: Iran Standard Time
Asia/Tokyo: Tokyo Standard Time; Osaka; Sapporo
Asia/Tomsk: Tomsk Standard Time
Asia/Ulaanbaatar: Ulaanbaatar Standard Time
Asia/Vladivostok: Vladivostok Standard Time
Asia/Yakutsk: Yakutsk Standard Time
Asia/Yangon: Myanmar Standard Time
Asia/Yekaterinburg: Ekaterinburg Standard Time; Ekaterinburg
Asia/Yerevan: Caucasus Standard Time
Atlantic/Azores: Azores Standard Time
Atlantic/Cape_Verde: Cape Verde Standard Time; Cape Verde Is.
Atlantic/Reykjavik: Greenwich Standard Time
Atlantic/South_Georgia: Mid-Atlantic
Australia/Adelaide: Cen. Australia Standard Time
Australia/Brisbane: E. Australia Standard Time
Australia/Darwin: AUS Central Standard Time
Australia/Eucla: Aus Central W. Standard Time
Australia/Hobart: Tasmania Standard Time
Australia/Lord_Howe: Lord Howe Standard Time
Australia/Perth: W. Australia Standard Time
Australia/Sydney: AUS Eastern Standard Time; Canberra
Etc/GMT+12: Dateline Standard Time
Europe/Astrakhan: Astrakhan Standard Time
Europe/Berlin: W. Europe Standard Time
Europe/Bucharest: GTB Standard Time
Europe/Budapest: Central Europe Standard Time
Europe/Chisinau: E. Europe Standard Time
Europe/Istanbul: Turkey Standard Time
Europe/Kaliningrad: Kaliningrad Standard Time
Europe/Kyiv: FLE Standard Time
Europe/London: GMT Standard Time; Edinburgh
Europe/Minsk: Belarus Standard Time
Europe/Moscow: Russian Standard Time; St. Petersburg
Europe/Paris: Romance Standard Time
Europe/Samara: Russia Time Zone 3
Europe/Saratov: Saratov Standard Time
Europe/Volgograd: Volgograd Standard Time
Europe/Warsaw: Central European Standard Time
Europe/Zurich: Bern
Indian/Mauritius: Mauritius Standard Time
Pacific/Apia: Samoa Standard Time; Samoa
Pacific/Auckland: New Zealand Standard Time; Wellington
Pacific/Bougainville: Bougainville Standard Time
Pacific/Chatham: Chatham Islands Standard Time; Chatham Is.
Pacific/Easter: Easter Island Standard Time
Pacific/Fakaofo: Tokelau Is.
Pacific/Fiji: Fiji Standard Time
Pacific/Guadalcanal: Central Pacific Standard Time; Solomon Is.
Pacific/Honolulu: Hawaiian Standard Time; Hawaii; Hawaii Time
Pacific/Kiritimati: Line Islands Standard Time
Pacific/Majuro: Marshall Is.
Pacific/Marquesas: Marquesas Standard Time
Pacific/Midway: International Date Line West; Midway Island
Pacific/Norfolk: Norfolk Standard Time
Pacific/Noumea: New Caledonia
Pacific/Pago_Pago: American Samoa
Pacific/Port_Moresby: West Pacific Standard Time
Pacific/Tongatapu: Tonga Standard Time; Nuku'alofa
"""
