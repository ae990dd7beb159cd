"""The currencies of ISO 4217 (list one up to amendment 180): an amount is whole minor units of one of them."""

from types import MappingProxyType

from shared.errors import Invalid

_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
       AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
       COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
       INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
       MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
       STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
       """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

EXPONENTS = MappingProxyType(
    {code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in sorted(codes.split())}
)
"""Code to number of decimal places of every active currency; codes without minor units (gold, testing) are left out."""


class UnknownCurrency(Invalid):
    """The text is no active currency code of ISO 4217. Parameter: field."""

    code = "club/unknown-currency"
    title = "This is not an active currency of ISO 4217."


def currency_code(text: str, field: str = "currency") -> str:
    """`text` if it is the code of an active currency, in capitals; raises UnknownCurrency."""
    if text not in EXPONENTS:
        raise UnknownCurrency(field=field)
    return text
