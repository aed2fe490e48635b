package dev.sfumato.studio;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An order to draw. The model decides every component that is null.
 *
 * @param model its directory, file or Hub id
 * @param count of the pictures
 * @param seed of all random numbers
 * @param steps of the scheduler
 * @param scheduler its name on the command line
 * @param eta the noise of ddim and tcd
 * @param height of a picture in pixels
 * @param width of a picture in pixels
 * @param classes by name or label, repeated to fill the count
 * @param prompt of a text-to-image model
 * @param negativePrompt of a text-to-image model
 * @param promptSyntax the way in which the texts say weights, by its name on the command line
 * @param clipSkip the number of the text encoder's last layers to leave out
 * @param loras to merge into a text-to-image model, in their order
 * @param words files of words that a text-to-image model learned, in the studio's folders
 * @param guidanceScale of classifier-free guidance
 * @param picture the upload to start from
 * @param mask the upload that is white where the picture is drawn anew
 * @param strength of the change
 * @param gradient {@code shortcut} or {@code exact}
 * @param guides in their order
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Drawing(
    String model,
    int count,
    long seed,
    Integer steps,
    String scheduler,
    Double eta,
    Integer height,
    Integer width,
    List<String> classes,
    String prompt,
    String negativePrompt,
    String promptSyntax,
    Integer clipSkip,
    List<Lora> loras,
    List<String> words,
    Double guidanceScale,
    String picture,
    String mask,
    Double strength,
    String gradient,
    List<Guide> guides) {
  private static final int MOST = 64;

  /** A longer side is a slip of the hand: its first step would block the queue for hours. */
  private static final int LONGEST = 4096;

  /**
   * A LoRA.
   *
   * @param path of a file in the studio's folders
   * @param scale the factor of its changes
   */
  record Lora(String path, double scale) {
    Lora {
      if (!Double.isFinite(scale)) {
        throw new SfumatoException("the scale of a LoRA must be a number");
      }
    }
  }

  /**
   * A guide.
   *
   * @param kind such as {@code color}
   * @param value of it; for {@code reference} and {@code clip-image} an upload
   * @param options by their names in {@link dev.sfumato.guidance.GuideSpec}
   */
  record Guide(String kind, String value, Map<String, Object> options) {
    Guide {
      kind = kind == null ? "" : kind;
      value = value == null ? "" : value;
      options = options == null ? new LinkedHashMap<>() : new LinkedHashMap<>(options);
      options.values().removeIf(Objects::isNull);
    }

    boolean showsPicture() {
      return kind.equals("reference") || kind.equals("clip-image");
    }
  }

  /**
   * Checks what no other part checks.
   *
   * @throws SfumatoException if there are too many pictures or pixels, or a mask without a picture
   */
  Drawing {
    if (count < 1 || count > MOST) {
      throw new SfumatoException("draw between 1 and " + MOST + " pictures, not " + count);
    }
    for (Integer side : Arrays.asList(width, height)) {
      if (side != null && (side < 1 || side > LONGEST)) {
        throw new SfumatoException("a side has between 1 and " + LONGEST + " pixels, not " + side);
      }
    }
    if (picture == null && (mask != null || strength != null)) {
      throw new SfumatoException("a mask and a strength need a picture");
    }
    classes = classes == null ? List.of() : List.copyOf(classes);
    loras = loras == null ? List.of() : List.copyOf(loras);
    words = words == null ? List.of() : List.copyOf(words);
    guides = guides == null ? List.of() : List.copyOf(guides);
  }

  /** Returns the names of the CLIP models that its guides need, each once. */
  List<String> clips() {
    return guides.stream()
        .filter(guide -> guide.options().containsKey("clip"))
        .map(guide -> guide.options().get("clip").toString())
        .distinct()
        .toList();
  }

  /** Returns a few words that name this drawing. */
  String title() {
    String name = model == null ? "" : model.substring(model.lastIndexOf('/') + 1);
    String what = prompt != null ? prompt : classes.isEmpty() ? "" : String.join(", ", classes);
    return what.isEmpty() ? name : name + ": " + what;
  }
}
