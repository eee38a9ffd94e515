"""Where the simulated receivers stand: towns along the routes, coordinates rounded to a tenth of a degree.

Nobody's real receiver is at any of them. The Gulf and the sea between the Bahamas and the Antilles stay
partly out of earshot, as for the real networks.
"""

from typing import Final

from testigos.sim.observe import Site

__all__ = ["SITES"]

_TOWNS: Final = """
Abilene 32.5 -99.7 25 530; Sweetwater 32.5 -100.4 40 660; Ballinger 31.7 -99.9 20 500
Coleman 31.8 -99.4 20 520; Breckenridge 32.8 -98.9 30 380; Brownwood 31.7 -99.0 25 410
Stamford 32.9 -99.8 20 490; San Angelo 31.5 -100.4 20 560; Dallas 32.8 -96.8 60 130
Waco 31.5 -97.1 20 140; Austin 30.3 -97.7 60 150; Houston 29.8 -95.4 40; Galveston 29.3 -94.8 20
Beaumont 30.1 -94.1 20; Lake Charles 30.2 -93.2 20; Lafayette 30.2 -92.0 20; Houma 29.6 -90.7 15
New Orleans 30.0 -90.1 20; Gulfport 30.4 -89.1 20; Mobile 30.7 -88.1 30; Pensacola 30.4 -87.2 30
Tallahassee 30.4 -84.3 60; Apalachicola 29.7 -85.0 15; Atlanta 33.7 -84.4 40 290; Macon 32.8 -83.6 30 100
Savannah 32.1 -81.1 20; Jacksonville 30.3 -81.7 20; Daytona 29.2 -81.0 20; Orlando 28.5 -81.4 40
Tampa 27.9 -82.5 30; St Petersburg 27.8 -82.7 20; Sarasota 27.3 -82.5 20; Fort Myers 26.6 -81.9 20
Naples 26.1 -81.8 20; Miami 25.8 -80.2 40; Marathon 24.7 -81.1 15; Key West 24.6 -81.8 20
West Palm Beach 26.7 -80.1 30; Freeport 26.5 -78.7 20; Nassau 25.1 -77.4 40; George Town 23.5 -75.8 20
Providenciales 21.8 -72.3 40; Puerto Plata 19.8 -70.7 100; Santo Domingo 18.5 -69.9 60
Punta Cana 18.6 -68.4 30; Mayagüez 18.2 -67.1 150; Arecibo 18.5 -66.7 100; San Juan 18.4 -66.1 40
Ponce 18.0 -66.6 120; Fajardo 18.3 -65.7 60; Vieques 18.1 -65.5 60; St Thomas 18.3 -64.9 250
St Croix 17.7 -64.8 120; Tortola 18.4 -64.6 300; Anguilla 18.2 -63.1 40; Saint Martin 18.1 -63.1 100
St Kitts 17.3 -62.7 100; Antigua 17.1 -61.8 60; Montserrat 16.7 -62.2 300; Guadeloupe 16.2 -61.5 100
Dominica 15.3 -61.4 250; Martinique 14.6 -61.0 120; St Lucia 14.0 -61.0 150; St Vincent 13.2 -61.2 200
Barbados 13.1 -59.6 150; Carriacou 12.5 -61.5 120; Grenada 12.1 -61.7 200; Tobago 11.2 -60.7 150
Port of Spain 10.7 -61.5 200; San Fernando 10.3 -61.5 60; Bonaire 12.2 -68.3 60; Willemstad 12.1 -68.9 60
Westpunt 12.4 -69.2 150; Oranjestad 12.5 -70.0 50; San Nicolas 12.4 -69.9 50; Barranquilla 11.0 -74.8 80
Bogota 4.7 -74.1 60 2550; New York 40.7 -73.9 60; Philadelphia 40.0 -75.2 80; Atlantic City 39.4 -74.5 20
Norfolk 36.9 -76.2 20; Wilmington 34.2 -77.9 20; Bermuda 32.3 -64.8 60; Kingston 18.0 -76.8 200
Montego Bay 18.5 -77.9 60; Grand Cayman 19.3 -81.3 15; Cancun 21.1 -86.8 20
"""


def _sites() -> tuple[Site, ...]:
    # A name may hold blanks; the numbers after it are latitude, longitude, height and, inland, the ground's.
    sites = []
    for entry in _TOWNS.replace("\n", ";").split(";"):
        words = entry.split()
        if words:
            first = next(i for i, word in enumerate(words) if word[-1].isdigit())
            sites.append(Site(" ".join(words[:first]), *map(float, words[first:])))
    return tuple(sites)


SITES: Final = _sites()
