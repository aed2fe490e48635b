package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Checks that pictures have the captions that a text-to-image model needs. */
final class Captions {
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
    List<String> captions =
        found.captions().isEmpty() && (texts.required() || texts.prompt().isPresent())
            ? Collections.nCopies(source.size(), "")
            : found.captions();
    if (texts.prompt().isPresent()) {
      String prompt = texts.prompt().get();
      return found.withCaptions(
          captions.stream().map(text -> text.isBlank() ? prompt : text).toList());
    }
    if (texts.required()) {
      require(source, captions);
    }
    return found;
  }

  /** Returns the numbers of the pictures without a caption. */
  static List<Integer> missing(List<String> captions) {
    return IntStream.range(0, captions.size())
        .filter(i -> captions.get(i).isBlank())
        .boxed()
        .toList();
  }

  private static void require(PictureSource source, List<String> captions) {
    List<Integer> missing = missing(captions);
    if (missing.size() == captions.size()) {
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
              captions.size(),
              first(source, missing)));
    }
  }

  /** Says where captions may come from. */
  private static String ways(PictureSource source) {
    String columns =
        source.columns().isEmpty()
            ? ""
            : "choose one of the columns "
                + String.join(", ", source.columns())
                + " with `captionColumn`, ";
    String files =
        source.ofFiles()
            ? "put a .txt file beside each picture, add a metadata.jsonl with file_name and text, "
            : "";
    return columns + files + "or give an `instancePrompt` for all";
  }

  /** Returns the names of the first few pictures. */
  static String first(PictureSource source, List<Integer> pictures) {
    return pictures.stream().limit(FEW).map(source::name).collect(Collectors.joining(", "))
        + (pictures.size() > FEW ? ", ..." : "");
  }
}
