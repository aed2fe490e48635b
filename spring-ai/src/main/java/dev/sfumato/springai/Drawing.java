package dev.sfumato.springai;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.sampling.PromptSyntax;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.springframework.ai.content.Media;
import org.springframework.ai.image.ImageMessage;
import org.springframework.ai.image.ImagePrompt;

/**
 * A prompt and its options, translated into those of the library.
 *
 * @param asked all options, with the defaults
 * @param options of the sampling, with its seed
 */
record Drawing(SfumatoImageOptions asked, SamplingOptions options) {

  /**
   * Reads a prompt.
   *
   * @param defaults for the options that it leaves open
   * @throws SfumatoException naming what cannot be drawn
   */
  static Drawing of(ImagePrompt prompt, SfumatoImageOptions defaults) {
    List<ImageMessage> messages = prompt.getInstructions();
    SfumatoImageOptions asked = SfumatoImageOptions.of(prompt.getOptions());
    SfumatoImageOptions all = asked.over(defaults);
    SamplingOptions options = all.sampling().withText(text(messages, all));
    Optional<Pixels> picture = picture(messages, false);
    Optional<Pixels> mask = picture(messages, true);
    if (picture.isPresent()) {
      options =
          mask.isPresent()
              ? options.withInpainting(picture.get(), mask.get())
              : options.withPicture(picture.get());
      options = all.strength() == null ? options : options.withStrength(all.strength());
    } else if (mask.isPresent() || asked.strength() != null) {
      throw new InvalidOptionException(
          (mask.isPresent() ? "`mask`" : "`strength`")
              + " needs a picture to start from: add it to the message as media");
    }
    return new Drawing(all, options);
  }

  // ---- texts

  private static TextOptions text(List<ImageMessage> messages, SfumatoImageOptions options) {
    boolean weighted = messages.stream().anyMatch(message -> Math.abs(weight(message)) != 1);
    List<String> negatives = new ArrayList<>();
    if (options.negativePrompt() != null) {
      negatives.add(weighted ? plain(options.negativePrompt()) : options.negativePrompt());
    }
    negatives.addAll(texts(messages, true, weighted));
    TextOptions text = TextOptions.of(String.join(", ", texts(messages, false, weighted)));
    text = weighted ? text.withSyntax(PromptSyntax.A1111) : text;
    text = negatives.isEmpty() ? text : text.withNegative(String.join(", ", negatives));
    return options.guidanceScale() == null ? text : text.withGuidanceScale(options.guidanceScale());
  }

  /** Returns the texts of one sign, with their weights in the syntax of the web interfaces. */
  private static List<String> texts(
      List<ImageMessage> messages, boolean negative, boolean weighted) {
    return messages.stream()
        .filter(message -> weight(message) < 0 == negative)
        .map(
            message ->
                weighted
                    ? "(" + plain(message.getText()) + ":" + Math.abs(weight(message)) + ")"
                    : message.getText())
        .toList();
  }

  private static float weight(ImageMessage message) {
    float weight = message.getWeight() == null ? 1 : message.getWeight();
    if (!Float.isFinite(weight)) {
      throw new InvalidOptionException("`weight` of a message must be a number, not " + weight);
    }
    return weight;
  }

  /** Makes brackets text. */
  private static String plain(String text) {
    return text.replaceAll("[()\\[\\]\\\\]", "\\\\$0");
  }

  // ---- pictures

  private static Optional<Pixels> picture(List<ImageMessage> messages, boolean mask) {
    String name = mask ? SfumatoImageModel.MASK : "picture";
    List<Media> found =
        messages.stream()
            .flatMap(message -> message.getMedia().stream())
            .filter(media -> SfumatoImageModel.MASK.equals(media.getName()) == mask)
            .toList();
    if (found.size() > 1) {
      throw new SfumatoException(
          found.stream()
              .map(Media::getName)
              .collect(Collectors.joining(", ", "a drawing takes one " + name + ", not ", "")));
    }
    return found.stream().findFirst().map(media -> pixels(media, name));
  }

  private static Pixels pixels(Media media, String name) {
    if (!(media.getData() instanceof byte[] content)) {
      throw new SfumatoException(
          name + ": give its content, as a resource or bytes; addresses are not opened");
    }
    return PictureReader.read(content, name);
  }
}
