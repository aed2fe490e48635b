package dev.sfumato.checkpoint;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * The shape of a new LoRA, or requirements on a given one.
 *
 * @param rankIfSet r, the number of rows of the smaller matrices, at least 1; empty: 16
 * @param alphaIfSet alpha; the change is {@code alpha / r up down}; empty: r
 * @param targetsIfSet the layers; empty: {@code attention} (q, k, v and out). Others are {@code
 *     all} (also proj_in, proj_out and the feed-forward layers), {@code conv} (also the
 *     convolutions of the residual blocks), or patterns: the end or the start of a layer's name,
 *     with {@code *} for any characters and {@code ?} for one
 * @param dropout the share of a layer's inputs that the change does not see in training, in [0, 1)
 */
public record LoraOptions(
    OptionalInt rankIfSet,
    OptionalDouble alphaIfSet,
    Optional<List<String>> targetsIfSet,
    double dropout) {
  private static final LoraOptions DEFAULTS =
      new LoraOptions(OptionalInt.empty(), OptionalDouble.empty(), Optional.empty(), 0);
  private static final String ATTENTION = "(.+\\.)?(to_[qkv]|to_out\\.0|[qkv]_proj|out_proj)";
  private static final String ALL =
      ATTENTION + "|(.+\\.)?(proj_in|proj_out|ff\\.net\\.0\\.proj|ff\\.net\\.2|fc1|fc2)";
  private static final Map<String, String> PRESETS =
      Map.of(
          "attention", ATTENTION,
          "all", ALL,
          "conv", ALL + "|(.+\\.)?(conv1|conv2|conv_shortcut)");

  /**
   * @throws InvalidOptionException if a number is out of range, or no target is given
   */
  public LoraOptions {
    targetsIfSet = targetsIfSet.map(List::copyOf);
    int rank = rankIfSet.orElse(1);
    require(rank >= 1, "`loraRank` must be at least 1, but is " + rank);
    double alpha = alphaIfSet.orElse(1);
    require(
        alpha > 0 && Double.isFinite(alpha), "`loraAlpha` must be more than 0, but is " + alpha);
    require(dropout >= 0 && dropout < 1, "`loraDropout` must be in [0, 1), but is " + dropout);
    require(
        targetsIfSet.filter(List::isEmpty).isEmpty(),
        "`loraTargets` is empty: name attention, all, conv or a pattern");
  }

  /** Returns rank 16, alpha 16, the layers of attention, no dropout. */
  public static LoraOptions defaults() {
    return DEFAULTS;
  }

  /** Returns a copy with this rank, and with this alpha unless another one was set. */
  public LoraOptions withRank(int r) {
    return new LoraOptions(OptionalInt.of(r), alphaIfSet, targetsIfSet, dropout);
  }

  /** Returns a copy with this alpha. */
  public LoraOptions withAlpha(double alpha) {
    return new LoraOptions(rankIfSet, OptionalDouble.of(alpha), targetsIfSet, dropout);
  }

  /** Returns a copy with other layers. */
  public LoraOptions withTargets(String... layers) {
    return new LoraOptions(rankIfSet, alphaIfSet, Optional.of(List.of(layers)), dropout);
  }

  /** Returns a copy with this dropout. */
  public LoraOptions withDropout(double share) {
    return new LoraOptions(rankIfSet, alphaIfSet, targetsIfSet, share);
  }

  /** Returns a copy in which nothing is left to the defaults. */
  public LoraOptions completed() {
    return withRank(rank()).withAlpha(alpha()).withTargets(targets().toArray(new String[0]));
  }

  /** Returns the rank. */
  public int rank() {
    return rankIfSet.orElse(16);
  }

  /** Returns alpha. */
  public double alpha() {
    return alphaIfSet.orElse(rank());
  }

  /** Returns the layers. */
  public List<String> targets() {
    return targetsIfSet.orElse(List.of("attention"));
  }

  /** Returns whether {@code target}, a preset or a pattern, means {@code layer}. */
  static boolean chooses(String target, String layer) {
    String preset = PRESETS.get(target);
    if (preset != null) {
      return layer.matches(preset);
    }
    String glob = Pattern.quote(target).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q");
    return layer.matches("(.+\\.)?" + glob) || layer.matches(glob + "\\..+");
  }

  /** Returns every option that is set by its name in a run's {@code config.json}. */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    rankIfSet.ifPresent(rank -> settings.put("lora_rank", rank));
    alphaIfSet.ifPresent(alpha -> settings.put("lora_alpha", alpha));
    targetsIfSet.ifPresent(targets -> settings.put("lora_targets", targets));
    settings.put("lora_dropout", dropout);
    return settings;
  }
}
