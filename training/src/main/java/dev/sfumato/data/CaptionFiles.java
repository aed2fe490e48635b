package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Captions of single pictures: {@code rose.txt} or {@code rose.caption} beside {@code rose.png},
 * and the names of folders such as {@code 10_red rose}, by the convention of kohya's scripts.
 */
final class CaptionFiles {
  private static final String ENDING = ".txt";
  private static final String OTHER_ENDING = ".caption";

  private static final int OTHERS = 3;

  /** At most 999, so that a date in front of a name is not a number of repeats. */
  private static final Pattern REPEATED = Pattern.compile("([0-9]{1,3})_(.+)");

  private final PictureFiles files;
  private final Map<String, String> present; // by the picture's name without its ending

  CaptionFiles(PictureFiles files) {
    this.files = files;
    this.present =
        files.names().stream()
            .filter(CaptionFiles::named)
            .collect(Collectors.toMap(EntryNames::key, name -> name, CaptionFiles::first));
  }

  /** Returns whether a file of this name may be a caption. */
  static boolean named(String name) {
    return rank(name) < OTHERS;
  }

  /** Of two captions of one picture, the one with the more usual ending counts. */
  private static String first(String one, String other) {
    return rank(other) < rank(one) ? other : one;
  }

  /** Returns how far an ending is from the usual one. */
  private static int rank(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return name.endsWith(ENDING)
        ? 0
        : lower.endsWith(ENDING) ? 1 : lower.endsWith(OTHER_ENDING) ? 2 : OTHERS;
  }

  /**
   * Adds captions to pictures that have none. If captions are required, the names of folders count,
   * too, and say how often an epoch takes their pictures.
   *
   * @param annotations of the pictures, with the captions of a table if there is one
   * @param names the pictures
   * @throws SfumatoException if a caption cannot be read, or a folder repeats its pictures 0 times
   */
  Annotations complete(Annotations annotations, List<String> names, DataOptions.Texts texts) {
    List<String> captions = new ArrayList<>();
    int[] repeats = new int[names.size()];
    for (int i = 0; i < repeats.length; i++) {
      String name = names.get(i);
      String known = annotations.captions().isEmpty() ? "" : annotations.captions().get(i);
      Optional<Matcher> folder = texts.required() ? repeated(name) : Optional.empty();
      String caption = known.isBlank() ? beside(name) : known;
      captions.add(caption.isBlank() ? folder.map(f -> f.group(2)).orElse(caption) : caption);
      repeats[i] = folder.map(f -> repeats(f, name)).orElse(1);
    }
    boolean captioned =
        !annotations.captions().isEmpty() || captions.stream().anyMatch(text -> !text.isBlank());
    return (captioned ? annotations.withCaptions(captions) : annotations).withRepeats(repeats);
  }

  /** Returns the name of a picture's folder, if it begins with a number of repeats. */
  private static Optional<Matcher> repeated(String name) {
    String[] parts = name.split("/");
    return parts.length < 2
        ? Optional.empty()
        : Optional.of(REPEATED.matcher(parts[parts.length - 2])).filter(Matcher::matches);
  }

  private int repeats(Matcher folder, String name) {
    int times = Integer.parseInt(folder.group(1));
    if (times == 0) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: the folder '%s' would take its pictures 0 times in an epoch: rename it",
              files.path(name),
              folder.group()));
    }
    return times;
  }

  /** Returns the text beside a picture in one line; empty if there is none. */
  private String beside(String picture) {
    return Optional.ofNullable(present.get(EntryNames.key(picture)))
        .map(name -> text(files.read(name)).replace("\ufeff", "").strip())
        .map(text -> text.replaceAll("\\s+", " "))
        .orElse("");
  }

  /** Decodes UTF-8, UTF-16 by its first two bytes, or Latin-1. */
  private static String text(byte[] file) {
    int first = file.length < 2 ? 0 : (file[0] & 0xff) << 8 | file[1] & 0xff;
    return first == 0xfffe || first == 0xfeff
        ? new String(file, StandardCharsets.UTF_16)
        : EntryNames.text(file);
  }
}
