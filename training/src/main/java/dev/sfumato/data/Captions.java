package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.lang.System.Logger.Level;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Checks that pictures have the captions that a text-to-image model needs. */
final class Captions {
  private static final System.Logger log = System.getLogger(Captions.class.getName());
  private static final int FEW = 3;

  private Captions() {}

  /**
   * Returns the annotations of a source, with the prompt of the options where a caption is missing.
   *
   * @throws SfumatoException if captions are required and missing; the message names some of the
   *     pictures, or the columns that may hold captions
   */
  static Annotations of(PictureSource source, DataOptions.Texts texts) {
    Annotations found = source.annotations();
    if (texts.prompt().isPresent()) {
      String prompt = texts.prompt().get();
      if (missing(found, source.size()).findAny().isEmpty()) {
        log.log(
            Level.WARNING,
            source.origin() + ": all pictures have captions, so `instancePrompt` has no effect");
      }
      List<String> captions =
          found.captions().isEmpty() ? Collections.nCopies(source.size(), "") : found.captions();
      return found.withCaptions(
          captions.stream().map(text -> text.isBlank() ? prompt : text).toList());
    }
    if (texts.required()) {
      require(source, missing(found, source.size()).boxed().toList());
    }
    return found;
  }

  /** Returns the numbers of the pictures without a caption, of {@code size}. */
  static IntStream missing(Annotations annotations, int size) {
    List<String> captions = annotations.captions();
    return IntStream.range(0, size).filter(i -> captions.isEmpty() || captions.get(i).isBlank());
  }

  private static void require(PictureSource source, List<Integer> missing) {
    if (missing.size() == source.size()) {
      throw new SfumatoException(
          source.origin() + ": the pictures have no captions: " + ways(source));
    }
    if (!missing.isEmpty()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: %d of %d pictures have no caption (%s): complete them, or give an"
                  + " `instancePrompt` for all that have none",
              source.origin(),
              missing.size(),
              source.size(),
              first(source, missing)));
    }
  }

  /** Says where captions may come from. */
  private static String ways(PictureSource source) {
    String columns =
        source.columns().isEmpty()
            ? ""
            : (source.columns().size() == 1 ? "choose the column " : "choose one of the columns ")
                + String.join(", ", source.columns())
                + " with `captionColumn`, ";
    String files =
        source.ofFiles()
            ? "put a .txt file beside each picture, add a metadata.jsonl with file_name and text, "
            : "";
    return columns + files + "or give an `instancePrompt` for all";
  }

  /** Returns the names of the first few pictures. */
  private static String first(PictureSource source, List<Integer> pictures) {
    return pictures.stream().limit(FEW).map(source::name).collect(Collectors.joining(", "))
        + (pictures.size() > FEW ? ", ..." : "");
  }
}
