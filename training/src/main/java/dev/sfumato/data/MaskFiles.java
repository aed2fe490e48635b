package dev.sfumato.data;

import dev.sfumato.picture.PictureFormat;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
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
    Set<String> keys =
        pictures.stream().map(EntryNames::key).collect(Collectors.toCollection(HashSet::new));
    for (String name : pictures) {
      String key = EntryNames.key(name);
      String picture = key.substring(0, Math.max(0, key.length() - MARK.length()));
      if (key.toLowerCase(Locale.ROOT).endsWith(MARK) && keys.contains(picture)) {
        masks.put(picture, name);
      }
    }
  }

  /** Returns the name of a picture's mask, if it has one. */
  Optional<String> of(String picture) {
    return Optional.ofNullable(masks.get(EntryNames.key(picture)));
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
