"""What is said to the person who works a denial, in English and French: the words alone; `explain.py` puts them together."""

from typing import Final

from msgspec import Struct


class Told(Struct, frozen=True, gc=False):
    """The same sentence twice."""

    en: str
    fr: str


CATEGORY_FR: Final = {
    "eligibility_coverage": "droits et couverture",
    "authorization": "accord préalable",
    "medical_necessity": "nécessité médicale",
    "coding_bundling": "codage et regroupement",
    "duplicate": "double",
    "timely_filing": "délai de dépôt",
    "missing_information": "information manquante",
    "coordination_of_benefits": "coordination des prestations",
    "non_covered": "non couvert",
    "provider_enrollment": "agrément du prestataire",
    "contractual": "contractuel",
    "patient_responsibility": "part du patient",
    "benefit_limit": "plafond de prestation",
    "payment_recovery": "récupération de paiement",
    "other": "autre",
}
DO: Final = {
    "correct_and_resubmit": Told("Correct the claim and send it again.", "Corrigez la demande et renvoyez-la."),
    "appeal": Told("Appeal, with the records that answer this.", "Faites appel, avec les pièces qui y répondent."),
    "send_documents": Told("Send the payer the documents it asks for.", "Envoyez au payeur les pièces qu'il demande."),
    "bill_other_payer": Told("Bill the payer that is responsible.", "Facturez le payeur responsable."),
    "contact_payer": Told("Ask the payer before choosing a way.", "Interrogez le payeur avant de choisir une voie."),
    "bill_patient": Told(
        "The payer holds the patient liable: bill the patient.", "Le payeur met le montant à la charge du patient : facturez-le."
    ),
    "write_off": Told("Nothing more can be recovered; write it off.", "Plus rien ne peut être récupéré ; passez en perte."),
    "none": Told("Nothing to do: wait for the payer.", "Rien à faire : attendez le payeur."),
}
# By what has to be looked at (the code's checklist, or what the remark asks for), where that says more than the action alone.
DO_ABOUT: Final = {
    ("authorization", "correct_and_resubmit"): Told(
        "Put the right authorization on the claim and send it again.",
        "Portez le bon accord préalable sur la demande et renvoyez-la.",
    ),
    ("authorization", "appeal"): Told(
        "Appeal with the authorization, or with what shows that none could be obtained in time.",
        "Faites appel avec l'accord, ou avec ce qui montre qu'il ne pouvait être obtenu à temps.",
    ),
    ("authorization", "write_off"): Told(
        "No authorization exists, so nothing more can be recovered; write it off.",
        "Aucun accord n'existe, plus rien ne peut donc être récupéré ; passez en perte.",
    ),
    ("bundling", "correct_and_resubmit"): Told(
        "If the service was distinct, add the modifier that says so and send a corrected claim.",
        "Si le soin était distinct, ajoutez le modificateur qui le dit et envoyez une demande corrigée.",
    ),
    ("bundling", "write_off"): Told(
        "The service was part of the other one; write it off.", "Le soin faisait partie de l'autre ; passez en perte."
    ),
    ("bundling", "bill_other_payer"): Told("Look to the facility for payment.", "Adressez-vous à l'établissement pour être payé."),
    ("bundling", "none"): Told(
        "It is packaged into what was paid; nothing to do.", "C'est compris dans ce qui a été payé ; rien à faire."
    ),
    ("coding", "correct_and_resubmit"): Told(
        "Check the code, modifier and diagnosis, correct the claim and send it again.",
        "Vérifiez le code, le modificateur et le diagnostic, corrigez la demande et renvoyez-la.",
    ),
    ("codes", "correct_and_resubmit"): Told(
        "Correct the codes and send the claim again.", "Corrigez les codes et renvoyez la demande."
    ),
    ("claim_field", "correct_and_resubmit"): Told(
        "Fill in or correct that field and send the claim again.", "Remplissez ou corrigez ce champ et renvoyez la demande."
    ),
    ("patient", "correct_and_resubmit"): Told(
        "Check the patient's card, correct the patient's data and send the claim again.",
        "Vérifiez la carte du patient, corrigez ses données et renvoyez la demande.",
    ),
    ("eligibility", "correct_and_resubmit"): Told(
        "Check the patient's card, correct the patient's data and send the claim again.",
        "Vérifiez la carte du patient, corrigez ses données et renvoyez la demande.",
    ),
    ("eligibility", "appeal"): Told(
        "Appeal with the proof that the patient was covered on the date.",
        "Faites appel avec la preuve que le patient était couvert à cette date.",
    ),
    ("eligibility", "bill_other_payer"): Told(
        "Find out who covered the patient on the date and bill that plan.",
        "Cherchez qui couvrait le patient à cette date et facturez ce régime.",
    ),
    ("provider", "correct_and_resubmit"): Told(
        "Correct the provider's data and send the claim again.", "Corrigez les données du prestataire et renvoyez la demande."
    ),
    ("provider", "contact_payer"): Told(
        "Ask the payer what its file says of the provider, and have it put right.",
        "Demandez au payeur ce que son fichier dit du prestataire, et faites-le rectifier.",
    ),
    ("enrollment", "contact_payer"): Told(
        "Check the provider's enrollment with the payer and have it put right first.",
        "Vérifiez l'agrément du prestataire auprès du payeur et faites-le d'abord rectifier.",
    ),
    ("other_payer", "correct_and_resubmit"): Told(
        "Add the other payer's data and payment and send the claim again.",
        "Ajoutez les données et le paiement de l'autre payeur et renvoyez la demande.",
    ),
    ("other_payer", "send_documents"): Told(
        "Send the other payer's explanation of benefits.", "Envoyez le relevé de prestations de l'autre payeur."
    ),
    ("other_payer", "none"): Told(
        "The payer has passed the claim on; wait for the other payer's answer.",
        "Le payeur a transmis la demande ; attendez la réponse de l'autre payeur.",
    ),
    ("duplicate", "contact_payer"): Told(
        "Look up the first claim before anything else; never send this one again.",
        "Cherchez d'abord la première demande ; ne renvoyez jamais celle-ci.",
    ),
    ("duplicate", "correct_and_resubmit"): Told(
        "The first claim was refused: correct that one, and leave this one.",
        "La première demande a été refusée : corrigez celle-là, et laissez celle-ci.",
    ),
    ("duplicate", "none"): Told(
        "The first claim is paid or still open: nothing to do on this one.",
        "La première demande est payée ou encore ouverte : rien à faire sur celle-ci.",
    ),
    ("duplicate", "appeal"): Told(
        "Appeal with the records that show a second, separate service.",
        "Faites appel avec les pièces qui montrent un second soin, distinct.",
    ),
    ("timely", "appeal"): Told(
        "Check the dates and appeal with the proof of when the claim was first accepted.",
        "Vérifiez les dates et faites appel avec la preuve de la première acceptation de la demande.",
    ),
    ("timely", "write_off"): Told(
        "Without proof of timely filing nothing can be recovered; write it off.",
        "Sans preuve de dépôt à temps rien ne peut être récupéré ; passez en perte.",
    ),
    ("timely", "contact_payer"): Told(
        "There is no appeal: check the date of receipt, and ask the payer to reopen the claim.",
        "Il n'y a pas d'appel : vérifiez la date de réception, et demandez au payeur de rouvrir la demande.",
    ),
    ("timely", "correct_and_resubmit"): Told(
        "There is no appeal: send the claim anew with the proof of timely filing.",
        "Il n'y a pas d'appel : redéposez la demande avec la preuve de dépôt à temps.",
    ),
    ("necessity", "appeal"): Told(
        "Appeal with the records that show why the service was needed.",
        "Faites appel avec les pièces qui montrent pourquoi le soin était nécessaire.",
    ),
    ("data", "contact_payer"): Told(
        "The payer does not say what is missing: ask.", "Le payeur ne dit pas ce qui manque : demandez-le."
    ),
}
OTHER: Final = {
    "reversal": Told(
        "The payer takes an earlier decision back; what replaces it comes by itself.",
        "Le payeur annule une décision antérieure ; ce qui la remplace viendra de soi-même.",
    ),
    "predetermination": Told(
        "An answer before the service; nothing was claimed and nothing is denied.",
        "Une réponse avant le soin ; rien n'a été demandé et rien n'est refusé.",
    ),
    "patient_share": Told(
        "What is unpaid is the patient's own share; bill the patient.",
        "L'impayé est la part du patient ; facturez-le.",
    ),
    "share_passed_on": Told(
        "What is unpaid is the patient's share, and the payer has passed the claim on: wait for the next payer.",
        "L'impayé est la part du patient, et le payeur a transmis la demande : attendez le payeur suivant.",
    ),
    "share_of_qmb": Told(
        "What is unpaid is a Qualified Medicare Beneficiary's cost sharing: bill Medicaid, never the patient.",
        "L'impayé est la participation d'un bénéficiaire qualifié de Medicare (QMB) : facturez Medicaid, jamais le patient.",
    ),
    "share_not_billable": Told(
        "What is unpaid looks like a patient share, but the patient may not be billed for it; nothing is denied.",
        "L'impayé ressemble à une part du patient, mais il ne peut lui être facturé ; rien n'est refusé.",
    ),
    "price": Told(
        "What is unpaid is the difference to the contracted price; nothing is denied.",
        "L'impayé est l'écart avec le prix convenu ; rien n'est refusé.",
    ),
    "paid": Told("Paid at the contracted price; nothing is denied.", "Payé au prix convenu ; rien n'est refusé."),
    "balance": Told(
        "What is unpaid only carries over what another payer or payment settled.",
        "L'impayé ne fait que reporter ce qu'un autre payeur ou paiement a réglé.",
    ),
    "hold": Told(
        "The payer has not decided yet, or only reports; nothing is denied.",
        "Le payeur n'a pas encore décidé, ou ne fait que signaler ; rien n'est refusé.",
    ),
    "unexplained": Told(
        "Nothing is paid and no code says why: ask the payer for the missing explanation.",
        "Rien n'est payé et aucun code ne dit pourquoi : demandez au payeur l'explication qui manque.",
    ),
    "patient_not_recognised": Told(
        "The payer does not recognise the patient and says no more: check the card and ask the payer.",
        "Le payeur ne reconnaît pas le patient et ne dit rien de plus : vérifiez la carte et interrogez le payeur.",
    ),
}
DISGUISED: Final = Told(
    "the whole charge is taken off as if it were a price cut, which is a refusal in disguise",
    "tout le montant est retiré comme une réduction de prix, ce qui est un refus déguisé",
)
UNKNOWN_MEANING: Final = Told("the payer gives a code that is not known to us", "le payeur donne un code qui nous est inconnu")
# What has to be looked at, of an adjustment code; what it asks for, of a remark code.
CHECKLISTS: Final = {
    "ask": Told("What the payer means: ask.", "Ce que le payeur veut dire : demandez."),
    "authorization": Told(
        "Whether an approval exists, fits the service and is on the claim.",
        "S'il existe un accord préalable, s'il vise ce soin et s'il est sur la demande.",
    ),
    "benefit": Told("What the plan covers.", "Ce que le régime couvre."),
    "bundling": Told(
        "Whether the service was distinct from the one it is counted into.",
        "Si le soin était distinct de celui où il est compris.",
    ),
    "coding": Told("Codes, modifiers and diagnoses.", "Codes, modificateurs et diagnostics."),
    "data": Told("Which field is missing or wrong.", "Quel champ manque ou est faux."),
    "documents": Told("Which documents the payer wants.", "Quelles pièces le payeur veut."),
    "duplicate": Told("What became of the first claim.", "Ce qu'est devenue la première demande."),
    "eligibility": Told("Whether this plan covered the patient on the date.", "Si ce régime couvrait le patient à cette date."),
    "enrollment": Told("The provider's enrollment with the payer.", "L'agrément du prestataire auprès du payeur."),
    "limit": Told("How much of the benefit was used, and when.", "Combien de la prestation a été utilisé, et quand."),
    "necessity": Told("What the record says of the need.", "Ce que le dossier dit du besoin."),
    "other_payer": Told("Which payer comes first, and what it paid.", "Quel payeur vient d'abord, et ce qu'il a payé."),
    "patient": Told("What the patient owes.", "Ce que le patient doit."),
    "post": Told("Nothing: post it.", "Rien : à comptabiliser."),
    "take_back": Told("Which earlier payment is recovered.", "Quel paiement antérieur est récupéré."),
    "timely": Told("When the claim was first accepted, and the proof of it.", "La date de première acceptation, et sa preuve."),
    "wait": Told("Nothing yet: the payer goes on.", "Rien encore : le payeur poursuit."),
}
ASKED: Final = {
    "authorization": Told("An approval, or its number.", "Un accord préalable, ou son numéro."),
    "claim_field": Told("A field of the claim.", "Un champ de la demande."),
    "codes": Told("Codes, modifiers or units.", "Codes, modificateurs ou unités."),
    "documents": Told("Documents.", "Des pièces."),
    "enrollment": Told("The provider's enrollment.", "L'agrément du prestataire."),
    "nothing": Told("Nothing: it says why.", "Rien : elle dit pourquoi."),
    "other_payer": Told("Another payer's data or payment.", "Les données ou le paiement d'un autre payeur."),
    "patient": Told("The patient's data or coverage.", "Les données ou la couverture du patient."),
    "provider": Told("A provider's data.", "Les données d'un prestataire."),
}
EFFECTS: Final = {
    "cause": Told("It names the cause, whatever the adjustment code says.", "Elle nomme la cause, quoi que dise le code."),
    "procedure": Told("It says how to go on, not what is wrong.", "Elle dit comment continuer, non ce qui est faux."),
    "resubmit": Told(
        "There is no appeal: a corrected claim is the way.", "Il n'y a pas d'appel : la voie est une demande corrigée."
    ),
    "no_appeal": Told("There is no appeal.", "Il n'y a pas d'appel."),
    "appeal_first": Told("An appeal, not another claim.", "Un appel, non une autre demande."),
    "do_not_resend": Told("The claim is not to be sent again.", "La demande ne doit pas être renvoyée."),
    "payer_acts": Told("The payer processes it again by itself.", "Le payeur la retraite de lui-même."),
    "passed_on": Told("The payer has sent the claim on.", "Le payeur a transmis la demande."),
    "on_hold": Told("The payer has not decided yet.", "Le payeur n'a pas encore décidé."),
    "reporting": Told("It only reports; no payment hangs on it.", "Elle ne fait que signaler ; aucun paiement n'en dépend."),
    "qmb": Told(
        "The patient is a Qualified Medicare Beneficiary and is never billed.",
        "Le patient est un bénéficiaire qualifié de Medicare (QMB), jamais facturé.",
    ),
    "never_patient": Told("The patient may not be billed.", "Le patient ne peut être facturé."),
    "never_patient_refused": Told(
        "What is refused may not be billed to the patient.", "Ce qui est refusé ne peut être facturé au patient."
    ),
}
