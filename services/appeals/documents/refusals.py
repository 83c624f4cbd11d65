"""Why a document is not taken, in words for who sent it. Pure."""

from collections.abc import Mapping
from typing import Final

# reason -> English, French
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "empty": ("The file is empty.", "Le fichier est vide."),
    "unknown_type": (
        "The file is neither a PDF, PNG, JPEG, TIFF or DOCX nor plain text in UTF-8, whatever its name says.",
        "Le fichier n'est ni un PDF, PNG, JPEG, TIFF ou DOCX, ni du texte en UTF-8, quel que soit son nom.",
    ),
    "too_complex": (
        "The file could not be read within the memory and time that one file may take.",
        "Le fichier n'a pas pu être lu dans la limite de mémoire et de temps accordée à un fichier.",
    ),
    "too_many_pages": ("The file has more than 20,000 pages; split it.", "Le fichier a plus de 20 000 pages ; divisez-le."),
    "pdf_broken": ("The PDF is broken and cannot be read.", "Le PDF est abîmé et ne peut pas être lu."),
    "pdf_truncated": ("The PDF ends too soon: it was cut off.", "Le PDF s'arrête trop tôt : il est tronqué."),
    "pdf_encrypted": (
        "The PDF is encrypted; send a copy without a password.",
        "Le PDF est chiffré ; envoyez une copie sans mot de passe.",
    ),
    "pdf_active_content": (
        "The PDF holds active content (a script, an action, a form of XFA or an embedded file); print it to a plain PDF.",
        "Le PDF contient du contenu actif (script, action, formulaire XFA ou fichier joint) ; imprimez-le en PDF simple.",
    ),
    "image_broken": ("The picture is broken or cut off.", "L'image est abîmée ou tronquée."),
    "image_too_large": ("The picture has more than 80 million pixels.", "L'image a plus de 80 millions de pixels."),
    "zip_archive": (
        "The file is a zip archive and no Word document, whatever its name says; send the files themselves.",
        "Le fichier est une archive zip et non un document Word, quel que soit son nom ; envoyez les fichiers eux-mêmes.",
    ),
    "docx_broken": ("The Word document is broken and cannot be read.", "Le document Word est abîmé et ne peut pas être lu."),
    "docx_encrypted": ("The Word document is encrypted.", "Le document Word est chiffré."),
    "docx_bomb": (
        "The Word document unpacks to far too much.",
        "Le document Word prend beaucoup trop de place une fois décompressé.",
    ),
    "docx_active_content": (
        "The Word document holds macros, embedded objects or links to outside parts; save it as a PDF.",
        "Le document Word contient des macros, des objets incorporés ou des liens externes ; enregistrez-le en PDF.",
    ),
    "old_office": (
        "The file is of an old Office format or protected; save it as PDF or DOCX.",
        "Le fichier est d'un ancien format Office ou protégé ; enregistrez-le en PDF ou DOCX.",
    ),
}
