package dev.sfumato.nn;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The name of a field in a checkpoint, if it differs from the field's own name in snake_case. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
public @interface Name {
  /** The name, such as {@code linear_1}; empty for a part that adds no name of its own. */
  String value();
}
