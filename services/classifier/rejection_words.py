"""What is said of a rejection by a front door, in English and French: the words alone; `rejections.py` chooses them."""

from typing import Final

from services.classifier.sentences import Told

DOOR: Final = Told(
    "Rejected at the payer's door, not judged. ",
    "Rejetée à l'entrée du payeur, sans jugement. ",
)
NOT_INSURED: Final = Told(
    "There was no coverage on the date: find out who covered the patient.",
    "Il n'y avait pas de couverture à cette date : cherchez qui couvrait le patient.",
)
UNKNOWN_SUBSCRIBER: Final = Told(
    "The payer does not know the subscriber: check the card and correct the data.",
    "Le payeur ne connaît pas l'assuré : vérifiez la carte et corrigez les données.",
)
UNKNOWN_PATIENT: Final = Told(
    "The payer does not know the patient: check the card and correct the data.",
    "Le payeur ne connaît pas le patient : vérifiez la carte et corrigez les données.",
)
POLICY_ENDED: Final = Told(
    "The policy has ended: find out who covered the patient on the date.",
    "La police a pris fin : cherchez qui couvrait le patient à cette date.",
)
WRONG_PAYER: Final = Told(
    "The claim went to the wrong payer: send it to the right one.", "La demande est allée au mauvais payeur : envoyez-la au bon."
)
ANOTHER_PAYER: Final = Told(
    "Another payer has to take the claim: send it there.", "Un autre payeur doit prendre la demande : envoyez-la-lui."
)
ANOTHER_FIRST: Final = Told(
    "Another payer comes first: bill it, then send its answer along.",
    "Un autre payeur vient d'abord : facturez-le, puis joignez sa réponse.",
)
NOT_AUTHORIZED: Final = Told(
    "The service is not authorized: give the authorization, or ask for one.",
    "Le soin n'a pas d'accord préalable : indiquez-le, ou demandez-en un.",
)
SENDER_NOT_APPROVED: Final = Told(
    "The sender is not approved: have the enrollment put right, then send again.",
    "L'expéditeur n'est pas agréé : faites rectifier l'agrément, puis renvoyez.",
)
SENDER_NOT_APPROVED_HERE: Final = Told(
    "The sender is not approved for this provider: have that put right, then send again.",
    "L'expéditeur n'est pas agréé pour ce prestataire : faites-le rectifier, puis renvoyez.",
)
ENROLLMENT: Final = Told(
    "The provider's enrollment is not in order: have it put right, then send again.",
    "L'agrément du prestataire n'est pas en règle : faites-le rectifier, puis renvoyez.",
)
DUPLICATE: Final = Told(
    "The payer has this claim already: look up the first one before anything else.",
    "Le payeur a déjà cette demande : cherchez d'abord la première.",
)
TOO_LATE: Final = Told(
    "It came after the time limit: ask again with the proof of when it was first sent.",
    "Elle est arrivée après le délai : redemandez avec la preuve du premier envoi.",
)
NOT_FOUND: Final = Told(
    "The payer does not find the claim: ask whether it arrived, and send it again if it did not.",
    "Le payeur ne trouve pas la demande : demandez si elle est arrivée, et renvoyez-la sinon.",
)
NOT_APPROVED_THEN: Final = Told(
    "The provider was not approved on the date: have it put right, then send again.",
    "Le prestataire n'était pas agréé à cette date : faites-le rectifier, puis renvoyez.",
)
NOT_APPROVED: Final = Told(
    "The provider is not approved: have the enrollment put right, then send again.",
    "Le prestataire n'est pas agréé : faites rectifier l'agrément, puis renvoyez.",
)
NAMED_NOT_FOUND: Final = Told(
    "The payer does not find who is named: check what its file says, then send again.",
    "Le payeur ne trouve pas qui est nommé : vérifiez ce que dit son fichier, puis renvoyez.",
)
BROKEN: Final = Told(
    "The file breaks the standard, and the answer does not say where: correct the file and send it again.",
    "Le fichier enfreint la norme, et la réponse ne dit pas où : corrigez le fichier et renvoyez-le.",
)
# Whose an element is.
ENTITIES: Final = {
    "85": Told("of the billing provider", "du prestataire facturant"),
    "82": Told("of the rendering provider", "du prestataire exécutant"),
    "77": Told("of the service facility", "de l'établissement de soins"),
    "QC": Told("of the patient", "du patient"),
    "IL": Told("of the subscriber", "de l'assuré"),
    "PR": Told("of the payer", "du payeur"),
    "71": Told("of the attending provider", "du médecin traitant"),
    "DN": Told("of the referring provider", "du médecin qui adresse"),
    "87": Told("of the pay-to address", "de l'adresse de paiement"),
    "DK": Told("of the ordering provider", "du prescripteur"),
    "72": Told("of the operating provider", "de l'opérateur"),
    "41": Told("of the submitter", "de l'expéditeur"),
    "40": Told("of the receiver", "du destinataire"),
    "1P": Told("of the provider", "du prestataire"),
}
# What the element that a status code speaks of is.
ELEMENTS: Final = {
    "562": Told("the NPI", "le NPI"),
    "128": Told("the tax id", "le numéro fiscal"),
    "149": Told("the employer's tax id", "le numéro fiscal de l'employeur"),
    "145": Told("the taxonomy code", "le code de taxonomie"),
    "124": Told("the name, address, phone or identifier", "le nom, l'adresse, le téléphone ou l'identifiant"),
    "125": Told("the name", "le nom"),
    "504": Told("the last name", "le nom de famille"),
    "505": Told("the first name", "le prénom"),
    "126": Told("the address", "l'adresse"),
    "500": Told("the postal code", "le code postal"),
    "501": Told("the state", "l'État"),
    "502": Told("the city", "la ville"),
    "503": Told("the street", "la rue"),
    "153": Told("the identifier", "l'identifiant"),
    "755": Told("the primary identifier", "l'identifiant principal"),
    "560": Told("the second identifier", "le second identifiant"),
    "158": Told("the date of birth", "la date de naissance"),
    "157": Told("the sex", "le sexe"),
    "164": Told("the member number", "le numéro d'assuré"),
    "163": Told("the group or policy number", "le numéro de groupe ou de police"),
    "156": Told("the relationship to the subscriber", "le lien avec l'assuré"),
    "178": Told("the charge", "le montant facturé"),
    "583": Told("the line's charge", "le montant de la ligne"),
    "187": Told("a date of service", "une date de soins"),
    "188": Told("the statement's dates", "les dates du relevé"),
    "189": Told("the admission date", "la date d'admission"),
    "510": Told("a date, which lies in the future", "une date, qui est dans l'avenir"),
    "228": Told("the type of bill", "le type de facture"),
    "249": Told("the place of service", "le lieu de soins"),
    "254": Told("the principal diagnosis", "le diagnostic principal"),
    "255": Told("a diagnosis code", "un code de diagnostic"),
    "488": Told("a diagnosis code of a service", "un code de diagnostic d'un soin"),
    "772": Told("a diagnosis code, which is not specific enough", "un code de diagnostic, trop peu précis"),
    "286": Told("the other payer's explanation of benefits", "le relevé de prestations de l'autre payeur"),
    "171": Told("the other insurance", "l'autre assurance"),
    "672": Told("the other payer's amounts, which do not balance", "les montants de l'autre payeur, qui ne s'équilibrent pas"),
    "400": Told("a sum: the claim does not balance", "une somme : la demande ne s'équilibre pas"),
    "453": Told("a procedure modifier", "un modificateur d'acte"),
    "454": Told("a procedure code", "un code d'acte"),
    "507": Told("a HCPCS procedure code", "un code d'acte HCPCS"),
    "737": Told("a dental procedure code", "un code d'acte dentaire"),
    "455": Told("a revenue code", "un code de revenu"),
    "218": Told("a drug's number (NDC)", "un numéro de médicament (NDC)"),
    "252": Told("the authorization number", "le numéro d'accord préalable"),
    "761": Told("the referral number", "le numéro d'orientation"),
    "464": Told("the payer's claim control number", "le numéro de demande du payeur"),
    "476": Told("the units", "les unités"),
    "477": Told("a diagnosis pointer", "un renvoi au diagnostic"),
    "478": Told("the account number", "le numéro de compte"),
    "480": Told("the claim filing indicator", "l'indicateur de type de régime"),
    "535": Told("the claim frequency code", "le code de fréquence de la demande"),
    "516": Told("the day on which the other payer decided", "le jour où l'autre payeur a décidé"),
    "742": Told("the order of the payers", "l'ordre des payeurs"),
}
# What a segment of a claim file holds.
SEGMENTS: Final = {
    "NM1": Told("a name or identifier", "un nom ou identifiant"),
    "N3": Told("an address", "une adresse"),
    "N4": Told("a city, state or postal code", "une ville, un État ou un code postal"),
    "SBR": Told("the subscriber's coverage", "la couverture de l'assuré"),
    "CLM": Told("the claim's head", "l'en-tête de la demande"),
    "HI": Told("a diagnosis", "un diagnostic"),
    "DTP": Told("a date", "une date"),
    "SV1": Told("a service line", "une ligne de soins"),
    "SV2": Told("a service line", "une ligne de soins"),
    "SV3": Told("a service line", "une ligne de soins"),
    "REF": Told("a reference number", "un numéro de référence"),
    "PRV": Told("a taxonomy code", "un code de taxonomie"),
    "DMG": Told("a birth date or sex", "une date de naissance ou un sexe"),
    "PWK": Told("an attachment", "une pièce jointe"),
    "HL": Told("the order of levels", "l'ordre des niveaux"),
    "SVD": Told("another payer's decision", "la décision d'un autre payeur"),
    "CAS": Told("another payer's adjustment", "l'ajustement d'un autre payeur"),
    "AMT": Told("an amount", "un montant"),
}
