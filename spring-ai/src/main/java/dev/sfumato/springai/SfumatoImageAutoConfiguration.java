package dev.sfumato.springai;

import dev.sfumato.pipeline.DiffusionPipeline;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.ai.model.SpringAIModelProperties;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/**
 * Makes an image model of {@code spring.ai.sfumato.image.model}, unless the application has one or
 * {@code spring.ai.model.image} names another kind.
 */
@AutoConfiguration
@ConditionalOnProperty(
    name = SpringAIModelProperties.IMAGE_MODEL,
    havingValue = "sfumato",
    matchIfMissing = true)
@EnableConfigurationProperties(SfumatoImageProperties.class)
public class SfumatoImageAutoConfiguration {
  /** Loads the model, which is freed when the application ends. */
  @Bean
  @ConditionalOnMissingBean
  public SfumatoImageModel sfumatoImageModel(
      SfumatoImageProperties properties, ObjectProvider<ObservationRegistry> observations) {
    SfumatoImageOptions options = properties.options();
    DiffusionPipeline pipeline = properties.load();
    try {
      return new SfumatoImageModel(
          pipeline, options, observations.getIfUnique(() -> ObservationRegistry.NOOP));
    } catch (RuntimeException e) {
      pipeline.close();
      throw e;
    }
  }
}
