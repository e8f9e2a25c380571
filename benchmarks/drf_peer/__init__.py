"""The same job in Django REST framework, as its users write it: ModelSerializers, nested writes."""
