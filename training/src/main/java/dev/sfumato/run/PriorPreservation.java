package dev.sfumato.run;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Class pictures that keep a text-to-image model from forgetting the class of a new subject
 * (DreamBooth; Ruiz et al., 2023). Missing ones are drawn by the model before it is trained.
 *
 * @param prompts the text of the class, such as {@code a cat}; or for several subjects, each in a
 *     folder of the training pictures, {@code FOLDER=TEXT} for each
 * @param data the folder of the class pictures; of several subjects, with the folders
 * @param count the class pictures for each subject, at least 1
 * @param weight the weight of their loss, at least 0
 */
public record PriorPreservation(List<String> prompts, Path data, int count, double weight) {
  /** The number of class pictures in diffusers' script. */
  public static final int COUNT = 100;

  /**
   * @throws InvalidOptionException if a number is out of range or there is no prompt
   */
  public PriorPreservation {
    prompts = List.copyOf(prompts);
    require(
        !prompts.isEmpty() && prompts.stream().noneMatch(String::isBlank),
        "class pictures need a `classPrompt`, the text of the class, such as \"a cat\"");
    require(count >= 1, "`classCount` must be at least 1, but is " + count);
    require(weight >= 0, "`priorWeight` must not be negative, but is " + weight);
  }

  /** Makes 100 class pictures with the weight 1. */
  public PriorPreservation(String prompt, Path data) {
    this(List.of(prompt), data, COUNT, 1);
  }

  /** Returns a copy with this number of class pictures. */
  public PriorPreservation withCount(int pictures) {
    return new PriorPreservation(prompts, data, pictures, weight);
  }

  /** Returns a copy with this weight. */
  public PriorPreservation withWeight(double other) {
    return new PriorPreservation(prompts, data, count, other);
  }

  /**
   * Returns the text of each class by its folder.
   *
   * @throws SfumatoException if one of several has no folder, or a folder has two
   */
  Map<Path, String> byFolder() {
    Map<Path, String> texts = new LinkedHashMap<>();
    for (String prompt : prompts) {
      int end = prompt.indexOf('=');
      if (prompts.size() == 1 && end < 0) {
        texts.put(data, prompt);
      } else if (end < 1) {
        throw new SfumatoException(
            "`classPrompt` '"
                + prompt
                + "': of several subjects each needs the folder of its pictures: FOLDER=TEXT");
      } else if (texts.put(
              data.resolve(prompt.substring(0, end)), prompt.substring(end + 1).strip())
          != null) {
        throw new SfumatoException(
            "`classPrompt` '" + prompt + "': the folder has a text already: name each folder once");
      }
    }
    return texts;
  }

  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("class_prompt", prompts);
    settings.put("class_data", data.toString());
    settings.put("class_count", count);
    settings.put("prior_weight", weight);
    return settings;
  }
}
