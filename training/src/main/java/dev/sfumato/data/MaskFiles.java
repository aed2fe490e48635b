package dev.sfumato.data;

import dev.sfumato.picture.PictureFormat;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Masks in files beside pictures, named as by OneTrainer. */
final class MaskFiles {
  private static final String MARK = "-masklabel";

  private final Map<String, String> masks = new HashMap<>(); // by the picture's name without ending

  /** Finds the masks of pictures among some files. */
  MaskFiles(List<String> files) {
    List<String> pictures = files.stream().filter(PictureFormat::named).toList();
    Set<String> stems =
        pictures.stream().map(EntryNames::stem).collect(Collectors.toCollection(HashSet::new));
    for (String name : pictures) {
      String stem = EntryNames.stem(name);
      String picture = stem.substring(0, Math.max(0, stem.length() - MARK.length()));
      if (stem.endsWith(MARK) && stems.contains(picture)) {
        masks.put(picture, name);
      }
    }
  }

  /** Returns the name of a picture's mask, if it has one. */
  Optional<String> of(String picture) {
    return Optional.ofNullable(masks.get(EntryNames.stem(picture)));
  }

  /** Returns the number of masks. */
  int count() {
    return masks.size();
  }

  /** Returns whether a file is a mask. */
  boolean has(String name) {
    return masks.containsValue(name);
  }
}
